// Follows a task until it has ended. Without it the page loads itself anew.
"use strict";

const EVERY_MS = 2000;
let shown = "";
const task = document.getElementById("task");

async function follow() {
  try {
    const answer = await fetch(task.dataset.now);
    if (answer.ok) {
      const text = await answer.text();
      // Only what is new, so that what somebody has selected stays.
      if (text !== shown) task.innerHTML = text;
      shown = text;
    }
  } catch {
    // The service is away; the next look may find it.
  }
  wait();
}

function wait() {
  if (!task.querySelector("[data-final]")) setTimeout(follow, EVERY_MS);
}

wait();
