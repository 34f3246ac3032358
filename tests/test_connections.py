"""Servers and the descriptors of their process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from harness.connections import Connections, server_config
from tests.webhook.lab import Running

FEW_FILES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
from harness.cli import main
sys.argv = ["harness", "webhook", "--port", "0"]
main()
"""


def test_half_of_the_files_are_for_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    for limits, most in (((100, 100), 50), ((256, 4_000), 512), ((1_000_000, 1_000_000), 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        connections = Connections(512, 10.0)
        server_config(Starlette(), connections, "127.0.0.1", 0)
        assert connections.most == most
    assert asked == [(4_000, 4_000)]


def test_more_clients_than_descriptors_do_not_end_a_server(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HARNESS_DATA_DIR": str(tmp_path),
        "HARNESS_WEBHOOK_SECRET": "a secret of the test",
    }
    command = [sys.executable, "-c", FEW_FILES]
    with (
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as server,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(server.kill)
        assert server.stdout is not None
        port = int(re.search(r":(\d+);", server.stdout.readline())[1])  # type: ignore[index]
        # Stopped, it finds them all at once.
        server.send_signal(signal.SIGSTOP)
        for _ in range(200):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        server.send_signal(signal.SIGCONT)
        assert health(port, server) == {"ok": True, "pending": 0, "prefect": "unknown"}


def test_a_pipelined_request_that_is_complete_is_not_dropped() -> None:
    begun = {name: threading.Event() for name in ("a", "b")}
    released = threading.Event()

    async def wait(request: Request) -> Response:
        begun[request.query_params["name"]].set()
        while not released.is_set():
            await asyncio.sleep(0.01)
        return Response("released")

    async def release(_request: Request) -> Response:
        released.set()
        return Response("done")

    app = Starlette(routes=[Route("/wait", wait), Route("/release", release)])
    connections = Connections(2, 600.0)
    server = Running(server_config(app, connections, "127.0.0.1", 0))
    try:
        with contextlib.ExitStack() as stack:

            def send(*targets: str) -> socket.socket:
                address = ("127.0.0.1", server.port)
                client = stack.enter_context(socket.create_connection(address, 120))
                requests = (f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets)
                client.sendall("".join(requests).encode())
                return client

            first = send("/missing", "/wait?name=a")
            assert begun["a"].wait(120)
            send("/wait?name=b")
            assert begun["b"].wait(120)
            send("/release")  # one more than there may be
            assert read_until(first, b"released"), "it was dropped"
    finally:
        released.set()
        server.stop()


@pytest.mark.parametrize("others", [0, 3], ids=["its-time", "others-come"])
def test_who_does_not_read_an_answer_is_dropped(others: int) -> None:
    """By its time, or at once when its place is wanted; the answer is larger than all buffers."""
    ended = threading.Event()

    async def endless(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1 << 20)
                    await asyncio.sleep(0)
            finally:
                ended.set()

        return StreamingResponse(pieces())

    async def small(_request: Request) -> Response:
        return Response("small")

    app = Starlette(routes=[Route("/endless", endless), Route("/small", small)])
    connections = Connections(2, 600.0, 600.0 if others else 0.2)
    server = Running(server_config(app, connections, "127.0.0.1", 0))
    try:
        with contextlib.ExitStack() as stack:

            def connect(target: str) -> socket.socket:
                address = ("127.0.0.1", server.port)
                client = stack.enter_context(socket.create_connection(address, 120))
                client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                return client

            slow = [connect("/endless") for _ in range(2 if others else 1)]
            assert all(client.recv(1) for client in slow)
            # The kernel's buffers take a few megabytes first.
            while others and len(connections._stalled) < len(slow):
                time.sleep(0.01)
            for _ in range(others):
                assert read_until(connect("/small"), b"small")
            assert ended.wait(120)
            assert connections.dropped > 0
    finally:
        server.stop()


def read_until(client: socket.socket, words: bytes) -> bool:
    """Whether a server says this before it ends the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while words not in received and (piece := client.recv(4096)):
            received += piece
    return words in received


def health(port: int, server: subprocess.Popen[str]) -> object:
    """What a server answers once it has a place for this client; it may drop it a few times."""
    for _ in range(100):
        assert server.poll() is None, server.stderr and server.stderr.read()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            select.select([one], [], [], 10)
            received = b"".join(iter(lambda: one.recv(4096), b""))
            if received:
                return json.loads(received.partition(b"\r\n\r\n")[2])
    return None
