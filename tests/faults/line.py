"""A TCP proxy on loopback that does to connections what networks do: cuts, delays, corrupts."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What happens to a connection."""

    NONE = "none"
    REFUSE = "refuse"
    CUT = "cut"
    DELAY = "delay"
    CORRUPT = "corrupt"
    SILENCE = "silence"


@dataclass
class Line:
    """``faults`` are drawn from for each connection; it can be changed at any time."""

    port: int
    faults: tuple[Fault, ...]
    chance: random.Random
    drawn: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def line_to(target: int, *faults: Fault, seed: int = 1) -> Iterator[Line]:
    """A proxy to a port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    line = Line(listener.getsockname()[1], faults, random.Random(seed))
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            fault = line.chance.choice(line.faults) if line.faults else Fault.NONE
            line.drawn += fault is not Fault.NONE
            threading.Thread(target=carry, args=(client, fault), daemon=True).start()

    def carry(client: socket.socket, fault: Fault) -> None:
        with client, suppress(OSError):
            if fault is Fault.REFUSE:
                return
            if fault is Fault.SILENCE:
                ended.wait()
                return
            with socket.create_connection(("127.0.0.1", target)) as server:
                there = threading.Thread(target=copy, args=(client, server, Fault.NONE))
                there.start()
                copy(server, client, fault)
                for one in (client, server):
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                there.join()

    def copy(source: socket.socket, sink: socket.socket, fault: Fault) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if fault is Fault.CUT:
                    sink.sendall(data[: line.chance.randrange(len(data))])
                    break
                if fault is Fault.DELAY:
                    time.sleep(0.05)
                if fault is Fault.CORRUPT:
                    broken = bytearray(data)
                    for _ in range(1 + len(broken) // 100):
                        broken[line.chance.randrange(len(broken))] ^= 1 << line.chance.randrange(8)
                    data = bytes(broken)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield line
    finally:
        ended.set()
        listener.close()
