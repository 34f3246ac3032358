"""A proxy on loopback between an HTTP client and its server that does something to the next request
of one kind: answers an error in the server's place, cuts the connection, or holds it.

It follows the requests of each connection and copies the answers as they come, so that watches and
WebSockets go through.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum


class Fault(Enum):
    """What happens to a request."""

    ERROR = "answered 500; the server does not get it"
    INVALID = "answered 422; the server does not get it"
    PAGE = "answered 502 with a page that is no JSON; the server does not get it"
    CUT_BEFORE = "cut; the server does not get it"
    CUT_AFTER = "cut as the server's answer comes"
    HOLD_BEFORE = "no answer; the server does not get it"
    HOLD_AFTER = "no answer, which the server has given"


@dataclass
class Interrupted:
    """``port`` is where the client goes."""

    port: int
    _planned: list[tuple[re.Pattern[str], Fault]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next(self, request: str, fault: Fault, times: int = 1) -> None:
        """Plan a fault for the next requests whose ``METHOD /path`` (and body) matches."""
        with self._lock:
            self._planned += [(re.compile(request, re.DOTALL), fault)] * times

    @property
    def planned(self) -> int:
        """How many faults have not happened yet."""
        with self._lock:
            return len(self._planned)

    def fault(self, request: bytes) -> Fault | None:
        """What is to happen to a request; taken from the plan."""
        text = request.decode("latin-1")
        with self._lock:
            for number, (pattern, fault) in enumerate(self._planned):
                if pattern.match(text):
                    del self._planned[number]
                    return fault
        return None


@contextmanager
def interrupted(target: int) -> Iterator[Interrupted]:
    """A proxy to a port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    proxy = Interrupted(listener.getsockname()[1])
    ended = threading.Event()

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=_carry, args=(proxy, client, target, ended), daemon=True
            ).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        ended.set()
        # Closing alone does not wake the thread that waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _carry(proxy: Interrupted, client: socket.socket, target: int, ended: threading.Event) -> None:
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", target)) as server:
        swallowing = threading.Event()
        answered = threading.Event()

        def answers() -> None:
            with suppress(OSError):
                while data := server.recv(65536):
                    if swallowing.is_set():
                        answered.set()
                        return
                    client.sendall(data)
            answered.set()
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        back = threading.Thread(target=answers, daemon=True)
        back.start()
        for request in _requests(client):
            fault = proxy.fault(request)
            if fault in _ANSWERS:
                client.sendall(_ANSWERS[fault])
                break
            if fault is Fault.CUT_BEFORE:
                break
            if fault is Fault.HOLD_BEFORE:
                ended.wait()
                break
            if fault is not None:
                swallowing.set()
            server.sendall(request)
            if fault is not None:
                answered.wait()
                if fault is Fault.HOLD_AFTER:
                    ended.wait()
                break
        for one in (client, server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        back.join()


def _answer(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


_JSON = b'{"kind": "Status", "message": "a fault"}'
_ANSWERS = {
    Fault.ERROR: _answer("500 Internal Server Error", "application/json", _JSON),
    Fault.INVALID: _answer("422 Unprocessable Entity", "application/json", _JSON),
    Fault.PAGE: _answer("502 Bad Gateway", "text/html", b"<p>a fault</p>"),
}


def _requests(client: socket.socket) -> Iterator[bytes]:
    """Each request of a connection, whole; after an upgrade whatever comes."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            if not (more := client.recv(65536)):
                return
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^content-length:\s*(\d+)", head)
        length = int(found[1]) if found else 0
        while len(rest) < length:
            if not (more := client.recv(65536)):
                return
            rest += more
        yield head + b"\r\n\r\n" + rest[:length]
        data = rest[length:]
        if re.search(rb"(?im)^upgrade:", head):
            yield from _raw(client, data)
            return


def _raw(client: socket.socket, begun: bytes) -> Iterator[bytes]:
    if begun:
        yield begun
    while more := client.recv(65536):
        yield more
