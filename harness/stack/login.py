"""Links that log the owner's browser in to the local Prefect server.

Prefect's UI asks for the password and keeps it in the browser's storage for the server's address.
The page at :data:`LOGIN_PATH` puts it there. It needs a code, which is signed with the password,
ends after an hour and is taken once, so that a link in a terminal's history or a log is of no use
to anybody else. The code is behind the ``#`` of the link: a browser sends that to no server and
in no ``Referer``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from harness.stack.environment import ui_url

LOGIN_PATH = "/harness/login"
LIFETIME_SECONDS = 3600.0
MAX_CODE_BYTES = 200

_SCRIPT = """
const KEY = "prefect-password";  // where Prefect's UI keeps it
const works = async (password) => {
  const headers = {Authorization: "Basic " + password};
  return (await fetch("/api/admin/version", {headers})).ok;
};
const enter = async () => {
  const [, code, page] = /^#?([^/]*)(.*)/.exec(location.hash);
  history.replaceState(null, "", location.pathname);
  let password = localStorage.getItem(KEY);
  if (code) {
    const answer = await fetch(location.pathname, {method: "POST", body: code});
    if (answer.ok) password = (await answer.json()).password;
  }
  if (!password || !(await works(password))) throw new Error("refused");
  localStorage.setItem(KEY, password);
  // One slash, or it would be another site's address.
  location.replace("/" + page.replace(/^[/\\\\]+/, ""));
};
enter().catch(() => {
  document.getElementById("said").textContent =
    "This link has been used, or is older than an hour. `harness up` prints a new one.";
});
"""
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Harness</title></head>
<body><p id="said">Logging in to Prefect…</p>
<script>{_SCRIPT}</script></body></html>
"""
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
PAGE = _PAGE.encode()
PAGE_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; "
    "connect-src 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def login_url(
    port: int, auth_string: str, page: str = "", *, now: Callable[[], float] = time.time
) -> str:
    """A new link for the server on a port of this machine.

    :param auth_string: the server's ``user:password``.
    :param page: where it leads, a path of the UI.
    """
    claim = f"{int(now() + LIFETIME_SECONDS)}.{secrets.token_urlsafe(12)}"
    return f"{ui_url(port)}{LOGIN_PATH}#{claim}.{_signature(auth_string, claim)}{page}"


class LoginCodes:
    """The server's side: takes each code once.

    :param auth_string: its ``user:password``.
    """

    def __init__(self, auth_string: str, *, now: Callable[[], float] = time.time) -> None:
        self._auth_string = auth_string
        self._now = now
        # Time of expiry by code; only genuine ones, so that strangers cannot fill it.
        self._used: dict[str, float] = {}

    def redeem(self, code: str) -> str | None:
        """The password as Prefect's UI keeps it, base64 of ``user:password``; None for a code that
        is not genuine, has ended or was used."""
        claim, _, signature = code.rpartition(".")
        expected = _signature(self._auth_string, claim)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            return None
        now = self._now()
        self._used = {used: expires for used, expires in self._used.items() if expires > now}
        expires = float(claim.partition(".")[0])
        if expires <= now or claim in self._used:
            return None
        self._used[claim] = expires
        return base64.b64encode(self._auth_string.encode()).decode()


def _signature(auth_string: str, claim: str) -> str:
    return hmac.new(auth_string.encode(), f"login {claim}".encode(), hashlib.sha256).hexdigest()
