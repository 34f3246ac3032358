"""Damaging an embedded index file by file, and seeing what comes of it.

Everything that touches a damaged shard runs in a child process: the engine may hang, or end the
process. :func:`outcomes` says for each operation what a user would see.
"""

from __future__ import annotations

import os
import pickle
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.backup.operations import Backups
from harness.checks import qdrant
from harness.engines import Engines
from harness.errors import HarnessError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search import retrieval
from harness.store.edge import EdgeStore
from tests.fakes.embedder import HashEmbedder
from tests.repositories import make_repository

QUERIES = ("register route 3", "sign session", "where is table 7 kept")
_FUNCTION = '''def {name}_{n}(argument):
    """Says what {name} {n} does with its argument."""
    return [argument * step for step in range({n} + 2)]


'''


@dataclass(frozen=True, slots=True)
class Index:
    """An undamaged index of one repository, and what it answers."""

    root: Path
    repository: Path
    answers: tuple[object, ...]
    chunks: int

    @property
    def shard(self) -> Path:
        """The folder of its one collection."""
        return next(path for path in (self.root / "index").glob("harness-*") if path.is_dir())

    def copy(self, root: Path) -> Index:
        """The same index elsewhere, holes and times included."""
        subprocess.run(["cp", "-a", "--sparse=always", self.root, root], check=True)
        return Index(root, self.repository, self.answers, self.chunks)


def build(root: Path) -> Index:
    """Index a small repository, in a child: this process must not have the engine's threads."""
    files: dict[str, str | bytes] = {
        f"src/{name}.py": "".join(_FUNCTION.format(name=name, n=n) for n in range(12))
        for name in ("register_route", "sign_session", "table", "render", "parse", "store")
    }
    repository = make_repository(root / "repository", files)
    index = Index(root / "base", repository, (), 0)

    def fill() -> tuple[object, ...]:
        report = _index(index)
        return answers(index), report.chunks_total

    found = in_child(fill, seconds=60)
    assert isinstance(found, tuple), found
    return Index(index.root, repository, *found)


def open_engines(index: Index) -> Engines:
    return Engines(
        embedder=HashEmbedder(),
        store=EdgeStore(index.root / "index", lock_timeout_seconds=5),
        data_dir=index.root,
    )


def answers(index: Index) -> tuple[object, ...]:
    """What searches find, in their order; not the scores, whose last digits depend on segments."""
    with open_engines(index) as engines:
        return tuple(
            (hit.path, hit.start_line, hit.end_line, hit.text)
            for query in QUERIES
            for hit in retrieval.search(query, engines, limit=20)
        )


def _index(index: Index):  # type: ignore[no-untyped-def]
    with open_engines(index) as engines:
        return index_repository("repo", index.repository, engines, IndexOptions())


def in_child(work: Callable[[], object], seconds: float) -> object:
    """Run it in a forked process.

    :returns: what it returns; a text that begins with ``error``, ``raw``, ``killed`` or ``hung``
        when it does not.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)  # the engine's panics print a backtrace
        try:
            try:
                found: object = work()
            except HarnessError as error:
                found = f"error: {type(error).__name__}: {error}"
            except BaseException as error:
                found = f"raw: {type(error).__name__}: {str(error)[:100]}"
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(found, pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        deadline = time.monotonic() + seconds
        content = b""
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return f"hung: for {seconds:g} s"
            part = os.read(pipe.fileno(), 1 << 20)
            if not part:
                break
            content += part
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"killed: {signal.Signals(os.WTERMSIG(status)).name}"
    return pickle.loads(content) if content else "killed: without a word"


# Damages: each changes a file in place, and tells whether it could


def _used(path: Path) -> int:
    """Bytes up to the last that is not zero."""
    return len(path.read_bytes().rstrip(b"\0"))


def _flip(path: Path) -> None:
    """A bit in the middle of what is used."""
    place = _used(path) // 2
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1) or b"\0"
        file.seek(place)
        file.write(bytes([byte[0] ^ 0x10]))


def _flip_early(path: Path) -> None:
    with path.open("r+b") as file:
        byte = file.read(1) or b"\0"
        file.seek(0)
        file.write(bytes([byte[0] ^ 0x10]))


def _halve(path: Path) -> None:
    os.truncate(path, max(1, _used(path)) // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _zero(path: Path) -> None:
    """The second half of what is used becomes zeros, as after a lost write."""
    used = _used(path)
    with path.open("r+b") as file:
        file.seek(used // 2)
        file.write(bytes(used - used // 2))


def _garbage(path: Path) -> None:
    path.write_bytes(b"\xa5garbage" * 512)


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "flip": _flip,
    "flip-first": _flip_early,
    "halve": _halve,
    "empty": _empty,
    "zero": _zero,
    "garbage": _garbage,
    "remove": Path.unlink,
}


def kind_of(path: str) -> str:
    """A file of a shard without what differs from shard to shard."""
    parts = Path(path).parts
    if parts[0] == "segments":
        parts = ("segment", *parts[2:])
    if len(parts) > 2 and parts[1] == "payload_index" and len(parts) > 3:
        name = parts[2].split("-", 1)[1]
        parts = (*parts[:2], name, *parts[3:])
    return "/".join(parts)


def files_of(index: Index) -> dict[str, Path]:
    """The files of the shard by kind."""
    shard = index.shard
    found = [path for path in sorted(shard.rglob("*")) if path.is_file()]
    return {kind_of(path.relative_to(shard).as_posix()): path.relative_to(shard) for path in found}


def damage(index: Index, file: Path, how: str, *, keep_time: bool) -> None:
    """Damage a file; with ``keep_time`` as a disk does it, without a trace in the file's times."""
    path = index.shard / file
    before = path.stat()
    DAMAGES[how](path)
    if keep_time and path.exists():
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def outcomes(index: Index, seconds: float = 20.0) -> dict[str, str]:
    """What the operations of a user come to, in this order, each in a process of its own.

    ``right``: as if nothing had happened. ``wrong``: another result without an error. For doctor
    and backup ``right`` means that they call the index whole.
    """

    def doctor() -> str:
        store = partial_store(index)
        found = [check.run() for check in qdrant.checks(store, HashEmbedder)]
        failed = [f"{detail} -> {remedy}" for ok, detail, remedy in found if ok is False]
        return f"error: {failed}" if failed else "right"

    def search() -> str:
        return "right" if answers(index) == index.answers else "wrong"

    def backup() -> str:
        with Backups(index.root / "backups", partial_store(index)()) as backups:
            return "right" if backups.backup().points == index.chunks else "wrong"

    def run() -> str:
        report = _index(index)
        if report.files_failed:
            return f"error: {report.files_failed} failed: {report.failures[:1]}"
        if report.warnings:
            return f"mended: {report.chunks_embedded} embedded; {report.warnings}"
        if report.chunks_embedded or report.chunks_total != index.chunks:
            return f"wrong: {report.chunks_embedded} embedded of {report.chunks_total}"
        return "right"

    steps = {"search": search, "doctor": doctor, "backup": backup, "index": run, "again": search}
    return {name: str(in_child(step, seconds)) for name, step in steps.items()}


def partial_store(index: Index) -> Callable[[], EdgeStore]:
    return lambda: EdgeStore(index.root / "index", lock_timeout_seconds=5)


def remove(index: Index) -> None:
    with suppress(OSError):
        shutil.rmtree(index.root)


__all__ = ["DAMAGES", "Index", "build", "closing", "damage", "files_of", "outcomes", "remove"]
