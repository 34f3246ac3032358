// A browser that follows a link of another site does not send its cookie; a request of our own does.
"use strict";

const form = document.getElementById("login");
// Of a link that `harness up` printed: used once, and in no history afterwards.
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("token").value = token;
  document.getElementById("link").value = "1";
  form.submit();
} else {
  fetch("/results").then((answer) => {
    if (answer.ok && !answer.redirected) location.replace(form.dataset.next);
  });
}
