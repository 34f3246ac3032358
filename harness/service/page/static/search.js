// Answers while one types, and goes through the results by keys. Without it the form does the same.
"use strict";

const WAIT_MS = 160;
const form = document.getElementById("search");
const box = document.getElementById("q");
const results = document.getElementById("results");
const said = document.getElementById("said");
let timer = 0;
let under_way = null;

function query() {
  const asked = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...asked]) {
    if (!value.trim()) asked.delete(name);
  }
  return asked;
}

async function search() {
  const asked = query();
  under_way?.abort();
  under_way = new AbortController();
  const address = asked.size ? `/?${asked}` : "/";
  try {
    const answer = await fetch(`/results?${asked}`, { signal: under_way.signal });
    if (answer.redirected || answer.status === 401) {
      location.assign(address);
      return;
    }
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    results.innerHTML = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") return;
    const message = document.createElement("p");
    message.className = "message";
    message.textContent = `No answer: ${error.message}. Enter tries again.`;
    results.replaceChildren(message);
  }
  // The address is a permalink at any time; going back leads to the page before.
  history.replaceState(null, "", address);
  document.title = `${box.value || "Search"} · Harness`;
  const found = results.querySelector("[data-count]");
  said.textContent = found ? `${found.dataset.count} passages` : "";
}

box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, WAIT_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  search();
});

function step(by) {
  const places = [...results.querySelectorAll("a.place")];
  if (!places.length) return;
  const at = places.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : places.length - 1) : at + by;
  const place = places[Math.max(0, Math.min(places.length - 1, next))];
  place.focus();
  place.scrollIntoView({ block: "center" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const writes = event.target.matches("input, textarea, select");
  if (writes && event.key === "Escape") {
    event.target.blur();
  } else if (writes && event.key === "ArrowDown") {
    event.preventDefault();
    step(1);
  } else if (!writes && event.key === "/") {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (!writes && (event.key === "j" || event.key === "k")) {
    event.preventDefault();
    step(event.key === "j" ? 1 : -1);
  }
});
