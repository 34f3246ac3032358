"""A search that a service of this machine carries out: the same answer, or the command's own."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import local_service
from harness.cli import searching
from harness.configured import open_engines
from harness.engines import Engines
from harness.errors import ServiceUnavailableError
from harness.models.static.embedder import StaticEmbedder
from harness.service import local_searches as searches
from harness.service.local_searches import local_searches
from harness.service.options import ServiceOptions
from harness.service.work import Work
from harness.settings import OllamaSettings, QdrantSettings
from harness.settings.base import Settings
from harness.types import FloatArray
from tests.cli.runs import Run

CODE = Path(local_service.__file__).parents[1]
USUAL = (
    ["register a route", "--explain"],
    ["--json", "--limit=1", "--explain", "where are sessions signed"],
    ["lang:python größe", "--path", "app/**", "--repo", "web app"],
    ["quantum chromodynamics of heavy lattices"],
)
# Read by the parser, or not answered by the service.
UNUSUAL = (
    ["route", "--repo", "."],
    ["x", "--limit", "0"],
    [""],
    ["x", "--limit", "ten"],
    ["x", "y"],
    ["x", "--repo", "nowhere"],
    ["route path:./app"],
    ["route", "--lang", "klingon"],
    ["route", "--path", "nowhere/**"],
    ["--debug", "route"],
    ["route", "--no-such-option"],
)


@contextmanager
def service(data_dir: Path, open_engines: Callable[[], Engines] = open_engines) -> Iterator[None]:
    """Answers searches of a data directory, from another thread."""
    place = Path(local_service.socket_path(str(data_dir)))
    if len(str(place)) > 100:
        pytest.skip("the path is too long for a socket")
    work = Work(open_engines, ServiceOptions())
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with local_searches(work, data_dir):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        assert place.stat().st_mode & 0o777 == 0o600
        assert place.parent.stat().st_mode & 0o777 == 0o700
        yield
    finally:
        over.set()
        thread.join(60)
        work.close()
    assert not place.exists()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local_service, "ANSWER_SECONDS", 60.0)
    return tmp_path / "data"


def is_answered(arguments: list[str]) -> bool:
    asked = searching.read(["search", *arguments])
    return asked is not None and searching.found_at_hand(asked) is not None


def test_what_a_service_finds_is_shown_as_what_the_command_finds(
    harness: Run, repository: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    assert harness("index", ".")[0] == 0
    shown = [*USUAL, *UNUSUAL[:2]]
    alone = [harness("search", *arguments) for arguments in shown]
    with service(data):
        assert all(map(is_answered, USUAL))
        assert not any(map(is_answered, UNUSUAL))
        assert [harness("search", *arguments) for arguments in shown] == alone
        monkeypatch.setenv("EMBED_MODEL", "static")
        assert not is_answered(USUAL[0]), "what it runs with may be something else"
        monkeypatch.delenv("EMBED_MODEL")
        monkeypatch.setenv("HARNESS_URL", "https://code.example.org")
        assert not is_answered(USUAL[0]), "another service is to be asked"
        monkeypatch.delenv("HARNESS_URL")
        loaded = _modules_of_a_search(data)
        with monkeypatch.context() as other:
            other.setattr(local_service, "is_owners", lambda connection: False)
            assert not is_answered(USUAL[0]), "somebody else listens there"
            other.undo()
            other.setattr(searches, "is_owners", lambda connection: False)
            assert not is_answered(USUAL[0]), "somebody else asks"
            other.undo()
            other.setattr(os, "geteuid", lambda: -1)
            assert not is_answered(USUAL[0]), "the other end is another account's"
        assert is_answered(USUAL[0])
        monkeypatch.setattr(local_service, "__version__", "0.0.0")
        assert not is_answered(USUAL[0]), "it is of another version"
        assert harness("search", *USUAL[0]) == alone[0]
    assert "harness.local_service" in loaded
    heavy = r"numpy|pydantic|typer|rich|httpx|qdrant|harness\.(search|store|settings|types)"
    assert [name for name in loaded if re.match(heavy, name)] == []


def _modules_of_a_search(data: Path) -> list[str]:
    code = (
        "from harness import local_service; local_service.ANSWER_SECONDS = 60.0;"
        "from harness.cli import main; main()"
    )
    command = [sys.executable, "-X", "importtime", "-c", code, "search", *USUAL[0]]
    environment = {"HARNESS_DATA_DIR": str(data), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    found = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=CODE
    )
    return re.findall(r"import time:[^|]*\|[^|]*\|\s*(\S+)", found.stderr)


def test_the_command_warns_itself_when_the_service_would_have_to(
    harness: Run, repository: Path, data: Path
) -> None:
    harness("index", str(repository))

    class Failing(StaticEmbedder):
        def embed_query(self, text: str) -> FloatArray:
            raise ServiceUnavailableError("the model is away")

    def engines() -> Engines:
        opened = open_engines()
        return Engines(Failing(), opened.store, opened.data_dir)

    with service(data, engines):
        assert not is_answered(["route"])


@pytest.mark.parametrize(
    "answer",
    [
        *(None, b"", b"{", b"[]", b"\xff", b'{"too": "long"}'),
        pytest.param(b"[" * 99_999, id="deep"),
    ],
    ids=repr,
)
def test_whatever_is_no_answer_is_none(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    monkeypatch.setattr(local_service, "ANSWER_SECONDS", 0.05 if answer is None else 60.0)
    if answer and b"long" in answer:
        monkeypatch.setattr(local_service, "MAX_ANSWER_BYTES", 9)
    place = Path(local_service.socket_path(str(tmp_path / "data")))
    place.parent.mkdir(parents=True)
    assert not is_answered(["route"]), "nobody listens"
    if len(str(place)) > 100:
        pytest.skip("the path is too long for a socket")

    def reply(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(answer or b"")

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(place))
        listener.listen()
        if answer is None:  # connected, and never served
            assert not is_answered(["route"])
            return
        thread = threading.Thread(target=reply, args=(listener,))
        thread.start()
        assert not is_answered(["route"])
        thread.join(60)
    assert harness("search", "x")[0] == 2, "and the command goes on by itself"


def test_the_settings_that_count_are_all_that_say_what_is_searched() -> None:
    def names(settings: type[Settings]) -> set[str]:
        return {str(field.validation_alias) for field in settings.model_fields.values()}

    chat_only = {"CHAT_MODEL", "HARNESS_NUM_CTX"}
    wanted = names(OllamaSettings) | names(QdrantSettings) | {"HARNESS_LOCK_TIMEOUT_SECONDS"}
    assert wanted - chat_only == local_service.VARIABLES
