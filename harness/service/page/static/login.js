// A browser that follows a link of another site does not send its cookie; a request of our own does.
"use strict";

const form = document.getElementById("login");
fetch("/results").then((answer) => {
  if (answer.ok && !answer.redirected) location.replace(form.dataset.next);
});
