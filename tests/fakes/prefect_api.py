"""An imitation of the few calls to Prefect's HTTP API that start runs: real HTTP on loopback.

Runs stay SCHEDULED until a test says otherwise; idempotency keys give the run that has them; the
next ``busy`` calls that make a run, and ``busy_reads`` that read one, are answered 503, as Prefect
does when its database is locked. With ``auth_string`` it wants that password, with ``csrf`` a token
for what changes something; both are refused in Prefect's words.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.stack.ports import free_port


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


class FakePrefect:
    """A context manager; ``stop`` and ``start`` keep the port, as a restart does."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.refuse_parameters = False
        self.busy = 0
        self.busy_reads = 0
        self.busy_states = 0
        self.auth_string: str | None = None
        self.csrf = False
        # Tokens by client; a test empties it, as their end after an hour does.
        self.tokens: dict[str, str] = {}
        self.tokens_given = 0
        # Requests without one are answered when so many have come.
        self.without_token: threading.Barrier | None = None
        self.workers = ["w"]
        # What a run goes through while it is read, and what it publishes; see `play`.
        self.script: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.children: list[dict[str, Any]] = []
        self.logs: list[str] = []
        self.deployments: list[tuple[str, str, dict[str, Any]]] = [
            ("index-repository", "index-repository", {"source": {"type": "string"}})
        ]
        self._keys: dict[str, str] = {}
        self._port = 0
        self._server: _Server | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/api"

    def __enter__(self) -> FakePrefect:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self._answer(*(fake.refusal(self) or fake.answer(self.path, None)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(*(fake.refusal(self) or fake.answer(self.path, json.loads(body))))

            def _answer(self, code: int, document: object) -> None:
                content = json.dumps(document).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        # A port of its own, which nobody is given while this server is stopped.
        self._port = self._port or free_port()
        self._server = _Server(("127.0.0.1", self._port), Handler)
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def set_states(self, state: str) -> None:
        """Every run has this state type from now on."""
        for run in self.runs.values():
            run["state_type"] = state

    def play(self, *states: tuple[str, str, str]) -> None:
        """Each read of a run takes it one (type, name, message) further; the last one stays."""
        self.script = [
            {"state_type": kind, "state_name": name, "state": {"message": message}}
            for kind, name, message in states
        ]

    def refusal(self, request: BaseHTTPRequestHandler) -> tuple[int, object] | None:
        """Prefect's answer to who may not do this; None: it may."""
        if self.csrf and request.command == "POST":
            token = request.headers.get("Prefect-Csrf-Token")
            if token is None:
                if self.without_token is not None:
                    self.without_token.wait()
                return 403, {"detail": "Missing CSRF token."}
            if self.tokens.get(request.headers.get("Prefect-Csrf-Client", "")) != token:
                return 403, {"detail": "Invalid CSRF token or client identifier."}
        if self.auth_string is not None:
            basic = base64.b64encode(self.auth_string.encode()).decode()
            if request.headers.get("Authorization") != f"Basic {basic}":
                return 401, {"exception_message": "Unauthorized"}
        return None

    def answer(self, path: str, body: dict[str, Any] | None) -> tuple[int, object]:
        if path == "/api/health":
            return 200, True
        if path == "/api/deployments/name/index-repository/index-repository":
            return 200, {"id": "d1"}
        if path == "/api/deployments/name/agent-task/agent-task":
            return 200, {"id": "d2"}
        if path == "/api/flows/filter":
            return 200, [{"id": flow, "name": flow} for flow, _, _ in self.deployments]
        if path == "/api/deployments/filter":
            return 200, [
                {
                    "id": "d1",
                    "name": name,
                    "flow_id": flow,
                    "work_pool_name": "harness",
                    "parameter_openapi_schema": {"properties": properties},
                }
                for flow, name, properties in self.deployments
            ]
        if path == "/api/work_pools/harness/workers/filter":
            return 200, [{"name": name, "status": "ONLINE"} for name in self.workers]
        if path == "/api/artifacts/filter" and body is not None:
            wanted = body["artifacts"].get("type")
            progress = [a for a in self.artifacts if (a["type"] == "progress") is bool(wanted)]
            return 200, progress if wanted else self.artifacts
        if path == "/api/flow_runs/filter":
            if body is not None and "flows" in body:
                wanted = body.get("flow_runs", {}).get("id", {}).get("any_")
                is_task = body["flows"]["name"]["any_"] == ["agent-task"]
                of_it = "d2" if is_task else "d1"
                runs = [run for run in self.runs.values() if run.get("deployment") == of_it]
                return 200, [run for run in runs if wanted is None or run["id"] in wanted]
            return 200, self.children
        if path == "/api/logs/filter" and body is not None:
            page = self.logs[body["offset"] : body["offset"] + body["limit"]]
            return 200, [{"message": line} for line in page]
        if path.startswith("/api/csrf-token?client="):
            token = uuid.uuid4().hex
            self.tokens[path.partition("=")[2]] = token
            self.tokens_given += 1
            return 200, {"token": token}
        if path.endswith("/set_state") and body is not None:
            if self.busy_states:
                self.busy_states -= 1
                return 503, {"exception_message": "Service Unavailable"}
            run = self.runs[path.split("/")[3]]
            state = body["state"]
            run |= {"state_type": state["type"], "state_name": state.get("name", "")}
            self.script.clear()
            return 201, {"status": "ACCEPT"}
        if path.startswith("/api/flow_runs/"):
            if self.busy_reads:
                self.busy_reads -= 1
                return 503, {"exception_message": "Service Unavailable"}
            run = self.runs.get(path.rpartition("/")[2])
            if run and self.script:
                run |= self.script.pop(0) if len(self.script) > 1 else self.script[0]
            return (200, run) if run else (404, {"detail": "not found"})
        if path.endswith("/create_flow_run") and body is not None:
            if self.busy:
                self.busy -= 1
                return 503, {"exception_message": "Service Unavailable"}
            if self.refuse_parameters:
                return 422, {"detail": "the parameter source is wrong"}
            with self._lock:
                run_id = self._keys.setdefault(body["idempotency_key"], str(uuid.uuid4()))
                deployment = path.split("/")[3]
                made = {"id": run_id, "name": "run", "state_type": "SCHEDULED"}
                made["deployment"] = deployment
                run = self.runs.setdefault(run_id, made | body)
            return 201, run
        return 404, {"detail": f"no route {path}"}
