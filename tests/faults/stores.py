"""Where the indexes of a test are: below its folders, or on a server that the folders name.

`HARNESS_TEST_QDRANT` names the program of a Qdrant; without it the server is an imitation, which
keeps nothing when it ends and makes no snapshots.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.store.edge import EdgeStore
from harness.store.opening import open_store as open_options
from harness.store.options import QdrantOptions
from harness.store.protocol import VectorStore
from tests.fakes.qdrant_server import FakeQdrant

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

PROGRAM = os.environ.get("HARNESS_TEST_QDRANT", "")
READY_SECONDS = 120.0
_NAMED = "server.json"

NewIndex = Callable[[Path], Path]
"""Makes an empty index of a folder, and returns the folder; on a server the one before is gone."""


def open_store(data_dir: Path) -> VectorStore:
    """The index of a folder."""
    named = data_dir / _NAMED
    if is_on_server(data_dir):
        return open_options(QdrantOptions(**json.loads(named.read_text())))
    return EdgeStore(data_dir / "index", lock_timeout_seconds=60)


def is_on_server(data_dir: Path) -> bool:
    return (data_dir / _NAMED).is_file()


def collections(data_dir: Path) -> list[str]:
    """What there is of collections of chunks and their records, whether or not it is known."""
    named = data_dir / _NAMED
    if not is_on_server(data_dir):
        return sorted(path.name for path in (data_dir / "index").glob("harness-*") if path.is_dir())
    with _client(json.loads(named.read_text())["url"]) as client:
        names = {one.name for one in client.get_collections().collections}
    return sorted(names - {"harness-catalog", "harness-leases"})


@contextmanager
def _client(url: str) -> Iterator[QdrantClient]:
    from qdrant_client import QdrantClient

    client = QdrantClient(url=url, check_compatibility=False)
    try:
        yield client
    finally:
        client.close()


class Server:
    """A Qdrant of the test's own, with its data in a folder, that may be killed and started."""

    def __init__(self, folder: Path) -> None:
        if not PROGRAM:
            pytest.skip("HARNESS_TEST_QDRANT does not name a Qdrant")
        from harness.stack.ports import free_port

        folder.mkdir()
        self._folder = folder
        self._ports = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> QdrantOptions:
        return QdrantOptions(url=f"http://127.0.0.1:{self._ports[0]}", grpc_port=self._ports[1])

    def start(self) -> None:
        """Until it answers."""
        settings = {
            "SERVICE__HOST": "127.0.0.1",
            "SERVICE__HTTP_PORT": str(self._ports[0]),
            "SERVICE__GRPC_PORT": str(self._ports[1]),
            "STORAGE__STORAGE_PATH": str(self._folder / "storage"),
            "STORAGE__SNAPSHOTS_PATH": str(self._folder / "snapshots"),
            "TELEMETRY_DISABLED": "true",
            "LOG_LEVEL": "WARN",
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "--disable-telemetry"],
                cwd=self._folder,
                env=os.environ | {f"QDRANT__{name}": value for name, value in settings.items()},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "Qdrant does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        import httpx

        try:
            return httpx.get(f"{self.options.url}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def real_server(folder: Path) -> Iterator[Server]:
    """A server until the end of the block; skips the test where there is no Qdrant."""
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def indexes(where: str, folder: Path) -> Iterator[NewIndex]:
    """Where new indexes are made.

    :param where: ``edge``, ``server`` (the imitation where there is no Qdrant), ``qdrant`` (skips
        the test there).
    :param folder: of the server.
    """
    if where == "edge":
        yield _make
    elif where == "server" and not PROGRAM:
        with FakeQdrant() as fake:
            yield on_server(QdrantOptions(url=fake.url, grpc_port=0))
    else:
        with real_server(folder) as server:
            yield on_server(server.options)


def on_server(options: QdrantOptions) -> NewIndex:
    """Indexes on a server that is there; it holds one at a time."""

    def make(data_dir: Path) -> Path:
        assert options.url is not None
        with _client(options.url) as client:
            for one in client.get_collections().collections:
                client.delete_collection(one.name)
        _make(data_dir)
        named = {"url": options.url, "grpc_port": options.grpc_port}
        (data_dir / _NAMED).write_text(json.dumps(named))
        return data_dir

    return make


def _make(data_dir: Path) -> Path:
    data_dir.mkdir()
    return data_dir
