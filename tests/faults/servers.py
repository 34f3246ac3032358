"""Servers in children, to be killed: the webhook, the service, an imitation of Ollama."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.connections import Connections, server_config
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.ollama.embedder import OllamaEmbedder
from harness.models.ollama.options import OllamaOptions
from harness.retrying import Backoff
from harness.service.app import make_app as make_service
from harness.service.context import Parts
from harness.service.options import ProxyTrust, ServiceOptions
from harness.service.recognising import Recogniser
from harness.service.tokens import Tokens
from harness.stack.api import PrefectApi
from harness.webhook.options import RequestLimits
from harness.webhook.routes import Routes, Target
from harness.webhook.runs import IndexRuns
from harness.webhook.service import make_app as make_webhook
from tests.fakes.ollama_server import FakeOllama
from tests.faults import victims
from tests.faults.children import start

SECRET = "a-secret-of-some-length"
READY_SECONDS = 60.0
REPOSITORIES = ("one", "two", "three")


def url_of(name: str) -> str:
    return f"https://git.example.org/team/{name}"


def webhook(folder: Path, prefect_url: str, port: int) -> None:
    """The receiver, for :data:`REPOSITORIES`."""
    routes = {f"git.example.org/team/{name}": Target(name, url_of(name)) for name in REPOSITORIES}
    runs = IndexRuns(lambda: PrefectApi(prefect_url, timeout_seconds=5, read_attempts=1))
    connections = Connections(256, 10.0)
    app = make_webhook(
        secret=SECRET.encode(),
        routes=Routes(lambda: routes),
        journal_path=folder / "webhook" / "journal.jsonl",
        start=runs.start,
        limits=RequestLimits(),
        connections=connections,
    )
    _serve(app, connections, port)


def service(data_dir: Path, port: int) -> None:
    """The service, as ``harness serve`` has it on loopback."""
    parts = Parts(
        open_engines=lambda: victims.open_engines(data_dir),
        open_assistant=None,
        prefect=lambda: PrefectApi("http://127.0.0.1:9/api", read_attempts=1, timeout_seconds=1),
        data_dir=data_dir,
        options=ServiceOptions(requests_per_minute=1_000_000),
    )
    recogniser = Recogniser.build(False, Tokens(data_dir / "tokens.json"), ProxyTrust())
    _serve(make_service(parts, recogniser, listens_locally=True), Connections(256, 10.0), port)


def ollama(port: int) -> None:
    """The imitation; each answer takes a moment, in which it can be killed."""
    with FakeOllama(port=port) as fake:
        fake.faults.delay_seconds = 0.01
        threading.Event().wait()


def index_by_ollama(data_dir: Path, source: Path, url: str) -> tuple[int, str]:
    """Index with a model on a server: how many files failed, and why the first one."""
    backoff = Backoff(attempts=2, base_seconds=0.05)
    options = OllamaOptions(host=url, embed_model="nomic-embed-text", timeout_seconds=3.0)
    embedder = OllamaEmbedder(options, backoff=backoff)
    with Engines(embedder, victims.open_store(data_dir), data_dir) as engines:
        report = index_repository(
            victims.REPO, source, engines, IndexOptions(), batch_bytes=victims.BATCH_BYTES
        )
    return report.files_failed, report.failures[0][1] if report.failures else ""


def _serve(app: object, connections: Connections, port: int) -> None:
    import uvicorn

    config = server_config(app, connections, "127.0.0.1", port)  # type: ignore[arg-type]
    asyncio.run(uvicorn.Server(config).serve())


@contextmanager
def running(work: Callable[..., None], *arguments: object, port: int) -> Iterator[None]:
    """A server until the end of the block, which kills it."""
    child, answer = start(work, *arguments, port)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while get(port, "/")[0] == 0:
            assert child.is_alive(), answer.recv()
            assert time.monotonic() < deadline, f"{work.__name__} does not listen"
            time.sleep(0.01)
        yield
    finally:
        child.kill()
        child.join()
        answer.close()


def get(port: int, path: str, timeout_seconds: float = 30.0) -> tuple[int, bytes]:
    """Status and body; status 0 when nobody answers."""
    return send(port, "GET", path, timeout_seconds=timeout_seconds)


def send(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout_seconds: float = 30.0,
) -> tuple[int, bytes]:
    """As :func:`get`, for any request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def push(port: int, name: str, number: int) -> tuple[int, bytes]:
    """Tell the webhook of a new commit of one of :data:`REPOSITORIES`."""
    commit = hashlib.sha1(str(number).encode()).hexdigest()
    body = json.dumps({"repository": url_of(name), "commit": commit}).encode()
    stamp = str(int(time.time()))
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Harness-Timestamp": stamp, "X-Harness-Signature": f"sha256={signed}"}
    return send(port, "POST", "/hooks/generic", body, headers)
