// Reads an answer while it is written. Without it the browser waits for the whole one.
"use strict";

const form = document.getElementById("ask");
const button = form.querySelector("button:not([type])");
const stop = document.getElementById("stop");
const parts = Object.fromEntries(
  ["steps", "answer", "draft", "passages"].map((id) => [id, document.getElementById(id)]),
);
let under_way = null;

const handlers = {
  passages: (data) => {
    parts.passages.innerHTML = data.html;
  },
  step: (data) => {
    parts.steps.textContent = data.text;
    parts.draft.textContent = "";
  },
  token: (data) => {
    parts.draft.hidden = false;
    parts.draft.textContent += data.text;
  },
  answer: (data) => {
    parts.answer.innerHTML = data.html;
  },
  error: (data) => refuse(data.text),
};

function refuse(text) {
  const message = document.createElement("p");
  message.className = "message";
  message.setAttribute("role", "alert");
  message.textContent = text;
  parts.answer.replaceChildren(message);
}

function handle(block) {
  let kind = "";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (kind in handlers) handlers[kind](JSON.parse(data));
}

async function ask() {
  under_way = new AbortController();
  const answer = await fetch("/ask", {
    method: "POST",
    headers: { Accept: "text/event-stream" },
    body: new URLSearchParams(new FormData(form)),
    signal: under_way.signal,
  });
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const said = page.querySelector(".message")?.textContent;
    throw new Error(said || `the service answered ${answer.status}`);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    blocks.forEach(handle);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.disabled) return;
  for (const part of Object.values(parts)) part.replaceChildren();
  button.disabled = true;
  stop.hidden = false;
  parts.steps.textContent = "Looking for passages…";
  try {
    await ask();
  } catch (error) {
    if (error.name !== "AbortError") refuse(error.message);
  } finally {
    parts.steps.textContent = "";
    parts.draft.hidden = true;
    button.disabled = false;
    stop.hidden = true;
  }
});
stop.addEventListener("click", () => under_way?.abort());
document.getElementById("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
