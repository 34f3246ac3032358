"""A real service on loopback with something to see: two repositories, a model, a task."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from harness.agent.options import Limits, RunOptions
from harness.agent.scripted import ScriptedChatModel, calls
from harness.answers.assistant import Assistant
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.service.app import make_app
from harness.service.context import Parts
from harness.service.options import ProxyTrust, ServiceOptions
from harness.service.recognising import Recogniser
from harness.service.tokens import Tokens
from harness.stack.api import PrefectApi
from tests.fakes.prefect_api import FakePrefect
from tests.service.lab import engines_at

SESSION = '''\
"""Sessions that live in a cookie: the values, signed, so that nobody can change them."""

import hmac
import time
from hashlib import sha256

MAX_AGE_SECONDS = 14 * 86_400


class Session(dict):
    """The values of one visitor."""

    def __init__(self, secret_key, values=None):
        super().__init__(values or {})
        self.secret_key = secret_key
        self.changed = False

    def sign(self):
        """The text for the cookie: values, time and signature."""
        text = encode(self, int(time.time()))
        return f"{text}.{signature(self.secret_key, text)}"


def signature(secret_key, text):
    """Sign a text with the key of the application."""
    return hmac.new(secret_key, text.encode(), sha256).hexdigest()


def open_session(secret_key, cookie):
    """Read a cookie; an empty session when its signature is wrong or it is too old."""
    text, _, signed = cookie.rpartition(".")
    if not hmac.compare_digest(signature(secret_key, text), signed):
        return Session(secret_key)
    values, at = decode(text)
    if time.time() - at > MAX_AGE_SECONDS:
        return Session(secret_key)
    return Session(secret_key, values)
'''
FILES = {
    "web": {
        "src/session.py": SESSION,
        "src/views.py": '''\
from session import open_session


def login(request, users):
    """Start a session for whoever knows the password, and sign its cookie."""
    session = open_session(request.app.secret_key, request.cookies.get("session", ""))
    session["user"] = users.check(request.form["name"], request.form["password"])
    return redirect("/", cookie=session.sign())
''',
        "static/login.js": '''\
// The session's cookie is HttpOnly: this script never sees it.
export async function login(name, password) {
  const body = new URLSearchParams({ name, password });
  const answer = await fetch("/login", { method: "POST", body });
  return answer.ok;
}
''',
        "README.md": "# Web\n\nSigns its sessions.\n\n## Keys\n\nSet SECRET_KEY.\n",
    },
    "team/api": {
        "api.go": '''\
package api

// SignRequest signs a request to a partner with the key that we share.
func SignRequest(key []byte, body []byte) string {
\tmac := hmac.New(sha256.New, key)
\tmac.Write(body)
\treturn hex.EncodeToString(mac.Sum(nil))
}
''',
    },
}  # fmt: skip
ANSWER = (
    "A session is signed in `Session.sign` (src/session.py:18-21): its values and the time are "
    "encoded, and `signature` (src/session.py:24-26) signs them with **HMAC-SHA256** and the "
    "application's key. A wrong signature gives an empty session (src/session.py:29-37)."
)
PATCH = """````diff
diff --git a/src/session.py b/src/session.py
--- a/src/session.py
+++ b/src/session.py
@@ -24,3 +24,5 @@ class Session(dict):
 def signature(secret_key, text):
-    \"\"\"Sign a text with the key of the application.\"\"\"
-    return hmac.new(secret_key, text.encode(), sha256).hexdigest()
+    \"\"\"Sign a text with the key of the application, never without one.\"\"\"
+    if not secret_key:
+        raise ValueError("set SECRET_KEY")
+    return hmac.new(secret_key, text.encode(), sha256).hexdigest()
````"""
REPORT = """# Agent report

## Outcome

| What | |
|---|---|
| Status | ok (exit code 0) |
| Verification | passed |

The key is checked before anything is signed.
"""
STEPS = [
    "[1] read src/session.py",
    "[2] edit src/session.py: 1 place",
    "[3] run pytest -q: exit 0, 12 passed",
]


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is, and what it is put together from."""

    url: str
    prefect: FakePrefect
    tokens: Tokens


@contextmanager
def site(folder: Path, *, needs_token: bool = False) -> Iterator[Site]:
    """Serve it.

    :param folder: for everything that is written.
    """
    with engines_at(folder) as engines:
        for name, files in FILES.items():
            for path, text in files.items():
                file = folder / "src" / name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            index_repository(name, folder / "src" / name, engines, IndexOptions())
    tokens = Tokens(folder / "tokens.json")

    def assistant() -> Assistant:
        turns = [calls(("read_file", {"path": "src/session.py"})), ANSWER]
        return Assistant(ScriptedChatModel(turns), Limits(), RunOptions(), folder / "results")

    with FakePrefect() as prefect:
        parts = Parts(
            open_engines=lambda: engines_at(folder),
            open_assistant=assistant,
            prefect=lambda: PrefectApi(prefect.url, read_attempts=1),
            data_dir=folder / "data",
            options=ServiceOptions(requests_per_minute=100_000),
        )
        recogniser = Recogniser.build(needs_token, tokens, ProxyTrust())
        app = make_app(parts, recogniser, listens_locally=True)
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the service has ended"
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Site(f"http://127.0.0.1:{port}", prefect, tokens)
        finally:
            server.should_exit = True
            thread.join()


def finish(prefect: FakePrefect, steps: Sequence[str] = STEPS) -> None:
    """Let every task end well."""
    prefect.logs = list(steps)
    prefect.artifacts = [
        {"id": "1", "key": "agent-patch", "type": "markdown", "data": PATCH},
        {"id": "2", "key": "agent-report", "type": "markdown", "data": REPORT},
    ]
    now = datetime.now(UTC)
    for run in prefect.runs.values():
        run |= {
            "state_type": "COMPLETED",
            "state_name": "Completed",
            "start_time": (now - timedelta(seconds=72)).isoformat(),
            "end_time": now.isoformat(),
        }
