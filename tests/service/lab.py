"""A service over two small repositories, with a token for each kind of caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.service.app import make_app
from harness.service.callers import Scope
from harness.service.context import Parts
from harness.service.options import ProxyTrust, ServiceOptions
from harness.service.recognising import Recogniser
from harness.service.tokens import Tokens
from harness.stack.api import PrefectApi
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder

FILES = {
    "web": {"src/session.py": "def sign_session(value):\n    return sign(value)\n"},
    "team/api": {"api.go": "package api\n\nfunc SignRequest() {\n\tsign()\n}\n"},
}


def make_index(base: Path) -> None:
    """Index the repositories below a folder."""
    with engines_at(base) as engines:
        for name, files in FILES.items():
            root = base / "src" / name
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            index_repository(name, root, engines, IndexOptions())


def engines_at(base: Path) -> Engines:
    """The engines of that index."""
    return Engines(HashEmbedder(), EdgeStore(base / "index"), base)


@dataclass(frozen=True, slots=True)
class Lab:
    """A running service and its tokens by name."""

    client: TestClient
    tokens: dict[str, str]
    data: Path

    def get(self, path: str, token: str = "", **options: Any) -> Any:
        """Ask with a token's name, empty for none."""
        return self.request("GET", path, token, **options)

    def request(self, method: str, path: str, token: str = "", **options: Any) -> Any:
        """Send a request with a token's name, empty for none."""
        headers = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {self.tokens.get(token, token)}"
        return self.client.request(method, path, headers=headers, follow_redirects=False, **options)


TOKENS = {
    "reader": (Scope.READ, ("*",)),
    "web-reader": (Scope.READ, ("web",)),
    "asker": (Scope.ASK, ("*",)),
    "worker": (Scope.TASK, ("web",)),
    "admin": (Scope.ADMIN, ("*",)),
    "team-admin": (Scope.ADMIN, ("team/*",)),
}


def build(
    base: Path,
    data: Path,
    *,
    needs_token: bool = True,
    proxy: ProxyTrust | None = None,
    prefect_url: str = "http://127.0.0.1:9/api",
    **parts: Any,
) -> tuple[ASGIApp, dict[str, str]]:
    """The service over the index of a folder, and its tokens by name.

    :param data: for tokens and audit log.
    :param parts: replace those of the service.
    """
    tokens = Tokens(data / "tokens.json")
    made = {name: tokens.create(name, *what)[0] for name, what in TOKENS.items()}
    service = Parts(
        open_engines=lambda: engines_at(base),
        open_assistant=None,
        prefect=lambda: PrefectApi(prefect_url, read_attempts=1, timeout_seconds=5),
        data_dir=data,
        options=ServiceOptions(requests_per_minute=100_000),
    )
    recogniser = Recogniser.build(needs_token, tokens, proxy or ProxyTrust())
    app = make_app(replace(service, **parts), recogniser, listens_locally=not needs_token)
    return app, made


@contextmanager
def running(
    base: Path,
    data: Path,
    *,
    needs_token: bool = True,
    client: tuple[str, int] = ("192.0.2.7", 4000),
    **options: Any,
) -> Iterator[Lab]:
    """Serve the index of a folder to a client in this process; see :func:`build`."""
    app, made = build(base, data, needs_token=needs_token, **options)
    address = "http://127.0.0.1:4280" if not needs_token else "https://code.example.org"
    with TestClient(app, base_url=address, client=client, raise_server_exceptions=False) as http:
        yield Lab(http, made, data)


@contextmanager
def listening(base: Path, data: Path, **options: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve it on a port, for clients of others; yields its address and the tokens by name."""
    app, made = build(base, data, **options)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", made
    finally:
        server.should_exit = True
        thread.join(30)
