"""An imitation of an Ollama server: real HTTP on loopback, no real inference.

It speaks the routes that Harness uses as Ollama's API documentation and sources describe them
(0.32.15): statuses, field names, error texts, streaming as newline-delimited JSON. Embeddings come
from the embedded engine's model, from a hash, or from nowhere (``noop``, for measuring overhead);
chat answers come from a script. What passes against it may still fail against the real server, so
the same contract tests run there when ``HARNESS_TEST_OLLAMA_HOST`` is set.

By hand: ``python -m tests.fakes.ollama_server --port 11434 --embeddings static``.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from harness.stack.ports import free_port
from tests.fakes.ollama_models import (
    EmbeddingMode,
    Embeddings,
    FakeModel,
    Faults,
    Shelf,
    Turn,
    default_models,
)
from tests.fakes.ollama_protocol import FIELDS, BadRequestError, CutError, parse_body
from tests.fakes.ollama_routes import ROUTES, joined


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it came."""

    method: str
    path: str
    body: dict[str, Any]
    at: float


class FakeOllama:
    """The imitation; a context manager that listens while it is open.

    :param models: what it has; None takes one embedding model and chat models of each kind.
    :param registry: what can be pulled besides; the models themselves always can.
    :param embeddings: see :class:`tests.fakes.ollama_models.Embeddings`.
    :param port: 0 takes a free one, which :meth:`start` keeps after :meth:`stop`.
    """

    def __init__(
        self,
        models: Sequence[FakeModel] | None = None,
        registry: Sequence[FakeModel] = (),
        embeddings: EmbeddingMode = "hash",
        port: int = 0,
    ) -> None:
        self.embeddings = Embeddings(embeddings)
        present = default_models(self.embeddings.context_length) if models is None else models
        self.shelf = Shelf(
            {model.name: model for model in present},
            {model.name: model for model in (*present, *registry)},
        )
        self.faults = Faults()
        self.version = "0.32.15"
        self.requests: list[Recorded] = []
        self.port = port
        self.stopping = threading.Event()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, on the same port as before if it was stopped."""
        self.stopping.clear()
        # A port of its own, which nobody is given while this server is stopped.
        self.port = self.port or free_port()
        self._server = _Server(("127.0.0.1", self.port), self)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def stop(self) -> None:
        """Refuse connections and drop the open ones."""
        if self._server is not None:
            self.stopping.set()
            self._server.shutdown()
            self._server.drop_connections()
            self._server.server_close()
            self._server = None

    def count(self, path: str) -> int:
        """Requests so far on one route."""
        return sum(request.path == path for request in list(self.requests))

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Bodies of the requests on one route, in the order of their arrival."""
        return [request.body for request in list(self.requests) if request.path == path]

    def say(self, *turns: Turn) -> None:
        """Add answers to the script; when it is used up, a fixed sentence is said."""
        with self.shelf.lock:
            self.shelf.script.extend(turns)

    def publish_update(self, name: str, applied: bool = False) -> None:
        """Put a newer version into the registry; ``applied`` also onto the server."""
        with self.shelf.lock:
            newer = self.shelf.registry[name].updated()
            self.shelf.registry[name] = newer
            if applied:
                self.shelf.models[name] = newer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], fake: FakeOllama) -> None:
        self.fake = fake
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._open):
            super().shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet; otherwise delayed ACKs cost 40 ms a request.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._handle()

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            route = ROUTES.get(self.path)
            if route is None:
                self._send(404, b"404 page not found", "text/plain")
            elif self.command not in route[0]:
                self._send(405, b"405 method not allowed", "text/plain")
            else:
                self._answer(route[1], raw)
        except BadRequestError as error:
            self._json({"error": str(error)}, error.status)
        except (CutError, OSError):
            self.close_connection = True

    def _answer(self, route: Any, raw: bytes) -> None:
        fake = self.server.fake
        body = parse_body(self.path, raw) if self.path in FIELDS else {}
        fake.requests.append(Recorded(self.command, self.path, body, time.monotonic()))
        _apply_faults(fake, self.path)
        answer = route(fake, body)
        if isinstance(answer, bytes):
            self._send(200, answer, "application/json; charset=utf-8")
        elif isinstance(answer, dict):
            self._json(answer)
        elif body.get("stream") is False:
            self._json(joined(list(answer)))
        else:
            self._stream(answer)

    def _stream(self, lines: Iterator[dict[str, Any]]) -> None:
        faults = self.server.fake.faults
        hit = _hits(faults, self.path)
        cut = hit and _take(self.server.fake, "cut_streams")
        fail = hit and not cut and _take(self.server.fake, "error_streams")
        hang = hit and _take(self.server.fake, "hang_streams")
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, line in enumerate(lines):
            if hang and number >= faults.break_after_lines:
                self.server.fake.stopping.wait()
                raise CutError
            if (cut or fail) and number >= faults.break_after_lines:
                if fail:
                    self._chunk({"error": faults.stream_error})
                    break
                # Half a line, then nothing.
                self.wfile.write(b"20\r\n" + json.dumps(line).encode()[:7])
                self.wfile.flush()
                raise CutError
            self._chunk(line)
            if "error" in line:
                break
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _chunk(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, document: dict[str, Any], status: int = 200) -> None:
        self._send(status, json.dumps(document).encode(), "application/json; charset=utf-8")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()


def _hits(faults: Faults, path: str) -> bool:
    return not faults.paths or path in faults.paths


def _take(fake: FakeOllama, name: str) -> bool:
    with fake.shelf.lock:
        left = getattr(fake.faults, name)
        if left > 0:
            setattr(fake.faults, name, left - 1)
        return bool(left > 0)


def _apply_faults(fake: FakeOllama, path: str) -> None:
    faults = fake.faults
    if not _hits(faults, path):
        return
    fake.stopping.wait(faults.delay_seconds)
    if _take(fake, "hang_requests"):
        fake.stopping.wait()
        raise CutError
    if _take(fake, "drop_requests"):
        raise CutError
    nth = faults.busy_every > 0 and len(fake.requests) % faults.busy_every == 0
    if nth or _take(fake, "busy_requests"):
        busy = "server busy, please try again.  maximum pending requests exceeded"
        raise BadRequestError(busy, faults.busy_status)
    if _take(fake, "broken_requests"):
        raise BadRequestError("llama runner process has terminated: signal: killed", 500)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--embeddings", choices=("static", "hash", "noop"), default="static")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument(
        "--say", action="append", default=[], metavar="TEXT", help="answers of the chat models"
    )
    options = parser.parse_args()
    with FakeOllama(embeddings=options.embeddings, port=options.port) as fake:
        fake.faults.delay_seconds = options.delay
        fake.say(*(Turn(text) for text in options.say))
        print(f"imitation of Ollama at {fake.url} (no real models)", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
