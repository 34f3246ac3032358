"""The real receiver of webhooks over HTTP, and an imitation of Prefect's API, over HTTP as well."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from harness.connections import Connections, server_config
from harness.stack.api import PrefectApi
from harness.webhook.options import RequestLimits
from harness.webhook.registering import Register
from harness.webhook.routes import Routes, Target
from harness.webhook.runs import IndexRuns
from harness.webhook.service import make_app
from tests.fakes.prefect_api import FakePrefect

SECRET = "a-secret-of-some-length"
URL = "https://git.example.org/team/app.git"
ROUTES = {
    "git.example.org/team/app": Target("app", "https://git.example.org/team/app"),
    "git.example.org/team/fixed": Target("fixed", "/srv/fixed", "release"),
}
SHA = "1234567890abcdef1234567890abcdef12345678"
Answer = tuple[int, dict[str, Any]]


class Running:
    """The service in a thread of this process, on a free port of the loopback address."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the service did not start"
            time.sleep(0.005)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)


@dataclass
class Lab:
    folder: Path
    prefect: FakePrefect
    limits: RequestLimits = field(default_factory=RequestLimits)
    read_routes: Callable[[], Mapping[str, Target]] = lambda: ROUTES
    register: Register | None = None
    service: Running | None = None
    connections: Connections = field(default_factory=lambda: Connections(256, 10.0))

    def start(self) -> None:
        runs = IndexRuns(lambda: PrefectApi(self.prefect.url, timeout_seconds=5, read_attempts=1))
        self.connections = Connections(self.limits.max_connections, self.limits.header_seconds)
        app = make_app(
            secret=SECRET.encode(),
            routes=Routes(self.read_routes),
            journal_path=self.folder / "webhook" / "journal.jsonl",
            start=runs.start,
            limits=self.limits,
            connections=self.connections,
            register=self.register,
        )
        self.service = Running(server_config(app, self.connections, "127.0.0.1", 0))

    def stop(self) -> None:
        if self.service is not None:
            self.service.stop()
            self.service = None

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        assert self.service is not None
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, names)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def post(self, provider: str, body: bytes, **headers: str) -> Answer:
        code, text = self.request("POST", f"/hooks/{provider}", body, **headers)
        return code, json.loads(text)

    def github(self, document: Any = None, *, secret: str = SECRET, delivery: str = "") -> Answer:
        body = json.dumps(github_push() if document is None else document).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        extra = {"X_GitHub_Delivery": delivery} if delivery else {}
        return self.post(
            "github",
            body,
            X_GitHub_Event="push",
            X_Hub_Signature_256=f"sha256={signature}",
            **extra,
        )

    def generic(self, document: Any, *, age_seconds: int = 0, **headers: str) -> Answer:
        # What curl calls any body.
        headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.post("generic", body, **generic_headers(body, age_seconds), **headers)

    def health(self) -> dict[str, Any]:
        code, text = self.request("GET", "/healthz")
        assert code == 200
        return dict(json.loads(text))


def github_push(sha: str = SHA, branch: str = "main", url: str = URL) -> dict[str, Any]:
    return {
        "ref": f"refs/heads/{branch}",
        "after": sha,
        "repository": {"clone_url": url, "default_branch": "main"},
    }


def generic_headers(body: bytes, age_seconds: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age_seconds)
    digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X_Harness_Timestamp": stamp, "X_Harness_Signature": f"sha256={digest}"}


def commit_number(number: int) -> str:
    return hashlib.sha1(str(number).encode()).hexdigest()


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
