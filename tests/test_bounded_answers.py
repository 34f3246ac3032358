"""An answer of a server ends, whatever the server does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from harness import bounded_answers
from harness.errors import HarnessError
from harness.models.ollama.client import OllamaClient
from harness.retrying import Backoff
from harness.service_client.client import ServiceClient

PIECE = b"x" * 100_000
PIECES = 400
"""40 MB: far more than the sockets hold, so that the server notices who reads all of it."""

# What each client below takes for an answer.
ANSWER = {
    "version": "1",
    "name": "x",
    "definitions": [],
    "references": [],
    "complete": True,
    "model": "m",
    "message": {"role": "assistant", "content": "x"},
    "done": True,
}


class Endless(BaseHTTPRequestHandler):
    """Sends a line without an end, or a good answer that is packed."""

    def answer(self) -> None:
        server: Any = self.server
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if server.packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if server.packed:
            self.wfile.write(gzip.compress(json.dumps(ANSWER).encode()))
            return
        try:
            for _ in range(PIECES):
                self.wfile.write(PIECE)
            server.sent_all = True
        except OSError:
            pass  # the client has gone

    def log_message(self, *_: object) -> None:
        return

    do_GET = do_POST = answer  # noqa: N815


@pytest.fixture(params=["endless", "packed"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(bounded_answers, "MOST_BYTES", 50_000)
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        state: Any = server
        state.packed, state.sent_all = request.param == "packed", False
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
    assert not state.sent_all


def of_ollama(url: str) -> None:
    OllamaClient(url, backoff=Backoff(attempts=1)).version()


def streamed_by_ollama(url: str) -> None:
    client = OllamaClient(url, backoff=Backoff(attempts=1))
    list(client.stream_chat("m", {"messages": []}))


def of_the_service(url: str) -> None:
    with ServiceClient(url) as service:
        service.symbol("x", repo=None, limit=1)


def streamed_by_the_service(url: str) -> None:
    with ServiceClient(url) as service:
        list(service._stream("/api/v1/ask", {}))


@pytest.mark.parametrize(
    "ask", [of_ollama, streamed_by_ollama, of_the_service, streamed_by_the_service]
)
def test_an_answer_without_end_is_given_up(url: str, ask: Callable[[str], None]) -> None:
    with pytest.raises(HarnessError) as caught:
        ask(url)
    assert "\n" not in str(caught.value)
