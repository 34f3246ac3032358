// What a page must have for whoever does not see it, or sees little: a list of what it lacks.
// The rules are those of WCAG 2.2, levels A and AA, that can be told from the document alone.
(() => {
  const faults = [];
  const seen = (element) => element.checkVisibility() && !element.closest("[aria-hidden=true]");
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const what = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120);

  const nameOf = (element) => {
    const labelled = (element.getAttribute("aria-labelledby") || "")
      .split(" ").map((id) => document.getElementById(id)?.textContent || "").join(" ");
    const labels = [...(element.labels || [])].map((label) => label.textContent).join(" ");
    const pictures = [...element.querySelectorAll("img[alt]")].map((img) => img.alt).join(" ");
    return [element.getAttribute("aria-label"), labelled, labels, element.textContent, pictures]
      .map((text) => (text || "").trim()).find((text) => text) || "";
  };

  // 2.4.2, 3.1.1
  if (!document.title.trim()) faults.push("the page has no title");
  if (!document.documentElement.lang) faults.push("the page has no language");
  // 1.3.1, 2.4.1: landmarks and headings
  if (all("main").length !== 1) faults.push("there must be one main");
  if (document.querySelectorAll("h1").length !== 1) faults.push("there must be one h1");
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) faults.push(`a heading skips a level: ${what(heading)}`);
    if (!heading.textContent.trim()) faults.push(`an empty heading: ${what(heading)}`);
    level = next;
  }
  // 4.1.2, 3.3.2, 2.4.4: names
  for (const element of all("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
    const name = element.matches("input, select, textarea")
      ? (element.labels.length ? nameOf(element) : element.getAttribute("aria-label"))
      : nameOf(element);
    if (!name) faults.push(`no name: ${what(element)}`);
  }
  for (const list of all("nav, aside, [role=region], [role=img]")) {
    if (!list.getAttribute("aria-label")) faults.push(`no label: ${what(list)}`);
  }
  // 1.1.1
  for (const picture of all("img")) {
    if (!picture.hasAttribute("alt")) faults.push(`no alt: ${what(picture)}`);
  }
  // 4.1.1
  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) faults.push(`an id twice: ${element.id}`);
    ids.add(element.id);
  }
  // 2.4.3
  for (const element of all("[tabindex]")) {
    if (element.tabIndex > 0) faults.push(`its own tab order: ${what(element)}`);
  }
  // 2.1.1: what scrolls can be reached with the keyboard
  for (const element of all("body *")) {
    const scrolls = element.scrollWidth > element.clientWidth + 1
      && ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const reached = element.tabIndex >= 0 || element.querySelector("a[href], button, input");
    if (scrolls && !reached) faults.push(`scrolls without a keyboard: ${what(element)}`);
  }
  // 1.4.10: no sideways scrolling of the page itself
  if (document.documentElement.scrollWidth > innerWidth + 1) {
    faults.push(`wider than the window: ${document.documentElement.scrollWidth} > ${innerWidth}`);
  }

  // 1.4.3: 4.5 to 1, for large text 3 to 1
  const colour = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
  };
  const over = (top, below) => ({
    red: top.red * top.alpha + below.red * (1 - top.alpha),
    green: top.green * top.alpha + below.green * (1 - top.alpha),
    blue: top.blue * top.alpha + below.blue * (1 - top.alpha),
    alpha: 1,
  });
  const luminance = ({ red, green, blue }) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(colour(getComputedStyle(at).backgroundColor));
    }
    const white = { red: 255, green: 255, blue: 255, alpha: 1 };
    return layers.reverse().reduce((below, top) => over(top, below), white);
  };
  const low = new Map();
  for (const element of all("body *")) {
    const writes = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!writes || element.closest("[disabled], svg, .hidden, .quiet, .skip")) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const [one, two] = [luminance(over(colour(style.color), back)), luminance(back)];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      const kind = `${element.tagName}.${element.className} ${style.color}`;
      low.set(kind, `contrast ${ratio.toFixed(2)}: ${what(element)}`);
    }
  }
  return [...faults, ...low.values()];
})();
