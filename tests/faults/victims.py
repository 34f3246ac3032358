"""What is killed, and what looks at the rest: functions that run in children (:mod:`children`)."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from harness.backup.operations import Backups
from harness.checks import qdrant
from harness.engines import Engines
from harness.errors import HarnessError, StoreDamagedError
from harness.index.options import IndexOptions
from harness.index.repairing import mend, proven
from harness.index.run import index_repository
from harness.index.run_lock import hold_repository
from harness.search import retrieval
from harness.store.salvaging import SalvagedPoint
from harness.types import ChunkPoint, IndexReport
from tests.fakes.embedder import HashEmbedder
from tests.faults.stores import open_store

REPO = "repo"
BATCH_BYTES = 2_000
"""Small, so that a run has many moments at which it can be cut."""
LEASE_SECONDS = 3.0
"""On a server: so long the run after a killed one waits, and may a busy machine stop one."""
QUERIES = ("register route", "sign session", "where is the table kept", "render")

Row = tuple[str, int, int, str, str]
"""A stored chunk: path, first line, last line, symbol, text."""


Place = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class Contents:
    """``chunks``: how many points there are of each chunk. ``hits``: what searches found, without
    symbols, which follow from the query as well.
    ``doctor``: what its checks of the store said is wrong."""

    chunks: Counter[Row]
    hits: tuple[Place, ...]
    unfinished: bool
    said: int
    commit: str
    doctor: tuple[str, ...]
    damaged: bool = False

    def of(self, path: str) -> Counter[Row]:
        """The chunks of one file."""
        return Counter({row: n for row, n in self.chunks.items() if row[0] == path})


def open_engines(data_dir: Path, model: str = "hash") -> Engines:
    return Engines(HashEmbedder(model=model), open_store(data_dir), data_dir)


def index(data_dir: Path, source: Path, model: str = "hash") -> IndexReport:
    """As ``harness index`` does.

    :returns: with its seconds from the opening of the store on, but without the wait for the lease
        of a run that was killed.
    """
    began = time.monotonic()
    with open_engines(data_dir, model) as engines:
        waits = time.monotonic()
        with hold_repository(engines.store, data_dir, str(source), lease_seconds=LEASE_SECONDS):
            waited = time.monotonic() - waits
            report = index_repository(
                REPO, source, engines, IndexOptions(), batch_bytes=BATCH_BYTES
            )
        return replace(report, seconds=time.monotonic() - began - waited)


def index_within(data_dir: Path, source: Path, limits: Mapping[int, int]) -> IndexReport:
    """Index under limits of the kernel."""
    for what, limit in limits.items():
        resource.setrlimit(what, (limit, limit))
    return index(data_dir, source)


def look(data_dir: Path, model: str = "hash") -> Contents:
    """Everything that a user can see of an index."""
    doctor = _doctor(data_dir, model)
    try:
        with open_engines(data_dir, model) as engines:
            store = engines.store
            records = [one for one in store.repositories() if one.name == REPO]
            if not records or not records[0].collection:
                return Contents(Counter(), (), True, 0, "", doctor)
            record = records[0]
            rows: Counter[Row] = Counter(
                (path, chunk.start_line, chunk.end_line, chunk.symbol, chunk.text)
                for path, chunk in store.chunks(record.collection, REPO)
            )
            hits = tuple(
                (hit.path, hit.start_line, hit.end_line, hit.text)
                for query in QUERIES
                for hit in retrieval.search(query, engines, limit=5)
            )
            return Contents(rows, hits, record.unfinished, record.chunks, record.commit, doctor)
    except StoreDamagedError:
        return Contents(Counter(), (), True, 0, "", doctor, damaged=True)


def search(data_dir: Path) -> int:
    """How many passages some queries find."""
    with open_engines(data_dir) as engines:
        return sum(len(retrieval.search(query, engines, limit=5)) for query in QUERIES)


def _doctor(data_dir: Path, model: str) -> tuple[str, ...]:
    said = []
    for check in qdrant.checks(lambda: open_store(data_dir), lambda: HashEmbedder(model=model)):
        try:
            ok, detail, remedy = check.run()
        except HarnessError as error:
            ok, detail, remedy = False, str(error), ""
        if ok is False:
            said.append(f"{detail} -> {remedy}")
    return tuple(said)


def repair(data_dir: Path) -> int:
    """As ``harness repair`` does: how many collections were mended."""
    with open_engines(data_dir) as engines:
        store = engines.store
        return sum(mend(store, one, thorough=True) is not None for one in store.manifests())


def repair_until_killed(data_dir: Path) -> None:
    """Killed when the first of what is kept is in the new shard."""

    def prove(points: Iterator[SalvagedPoint]) -> Iterator[ChunkPoint]:
        yield from islice(proven(manifest, points), 512)
        os.kill(os.getpid(), signal.SIGKILL)

    with open_engines(data_dir) as engines:
        (manifest,) = engines.store.manifests()
        engines.store.rebuild(manifest, prove)


def back_up(data_dir: Path, folder: Path) -> int:
    with Backups(folder, open_store(data_dir)) as backups:
        return backups.backup().points
