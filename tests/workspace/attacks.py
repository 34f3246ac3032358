"""What an attack needs outside the confinement: servers, files, processes to be attacked."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "years-of-work"


@dataclass(frozen=True, slots=True)
class Server:
    """A listening socket; ``address`` as Python's ``connect`` takes it."""

    socket: socket.socket
    address: str

    def was_reached(self) -> bool:
        """Tell whether somebody connected, or sent something."""
        self.socket.settimeout(0.0)
        try:
            if self.socket.type == socket.SOCK_DGRAM:
                return bool(self.socket.recv(100))
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@contextmanager
def listening(family: int, address: object, kind: int = socket.SOCK_STREAM) -> Iterator[Server]:
    with socket.socket(family, kind) as server:
        server.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            server.listen()
        yield Server(server, repr(server.getsockname()))


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user, in a group of its own."""
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        yield sleeper
    finally:
        with contextlib.suppress(ProcessLookupError):
            sleeper.kill()
        sleeper.wait()


def precious_file(folder: Path) -> Path:
    """A file of the user with a mode, a time and no extended attribute."""
    folder.mkdir()
    file = folder / "work.txt"
    file.write_text(SECRET)
    file.chmod(0o640)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    return file


def looks_untouched(file: Path) -> bool:
    status = file.stat()
    return (
        file.read_text() == SECRET
        and status.st_mode & 0o7777 == 0o640
        and status.st_mtime == 1_000_000_000
        and status.st_uid == os.getuid()
        and os.listxattr(file) == []
        and [path.name for path in file.parent.iterdir()] == [file.name]
    )
