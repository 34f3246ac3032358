// A click on a line's number marks it, with Shift the lines up to it; the permalink follows.
"use strict";

const table = document.getElementById("lines");
const link = document.getElementById("permalink");
let first = 0;

function mark(from, to) {
  const [low, high] = from <= to ? [from, to] : [to, from];
  for (const row of table.querySelectorAll("tr.wanted")) row.classList.remove("wanted");
  for (let number = low; number <= high; number += 1) {
    document.getElementById(`L${number}`)?.classList.add("wanted");
  }
  const address = new URL(location.href);
  address.searchParams.set("lines", low === high ? `${low}` : `${low}-${high}`);
  address.hash = `L${low}`;
  history.replaceState(null, "", address);
  link.href = address;
}

table.addEventListener("click", (event) => {
  const number = Number(event.target.closest(".no a")?.textContent);
  if (!number) return;
  event.preventDefault();
  mark(event.shiftKey && first ? first : number, number);
  if (!event.shiftKey) first = number;
});
link.href = location.href;
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    location.assign("/");
  }
});
