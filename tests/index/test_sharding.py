"""Sharded equals unsharded, on real repositories and the real Edge store; killed shards."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness.engines import Engines
from harness.errors import UsageError
from harness.index import batches, planning
from harness.index.batches import BatchResult
from harness.index.finalizing import finalize
from harness.index.options import IndexOptions
from harness.index.planning import IndexPlan
from harness.index.preparing import prepare_batch
from harness.index.sharding import (
    MOST_SHARDS,
    ShardFolder,
    folder_name,
    resumed,
    shard_count,
    shard_of,
    split,
)
from harness.search import retrieval
from harness.store.edge import EdgeStore
from harness.store.protocol import VectorStore
from harness.store.queries import StoreQuery
from harness.types import Candidate, CandidateLists, IndexReport
from tests.fakes.embedder import HashEmbedder
from tests.repositories import commit_all, make_repository

BATCH_BYTES = 10_000
SHARDS = 3


WORDS = (
    *("route", "session", "cookie", "table", "index", "merge", "token", "parse", "lease", "queue"),
    *("socket", "buffer", "cursor", "graph", "vector", "query", "shard", "batch", "commit"),
    *("branch", "folder", "lock", "timer", "signal"),
)


class OrderedTies:
    """The real store, except that candidates of equal score come in the order of their ids: the
    engine gives them in the order of insertion, so that any two indexes may differ there."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, collection: str, query: StoreQuery) -> CandidateLists:
        # All of them: at the limit, too, equal ones would be cut off by insertion.
        found = self._store.query(collection, dataclasses.replace(query, limit=10_000))

        def ordered(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
            return tuple(sorted(candidates, key=lambda c: (-c.score, c.id))[: query.limit])

        return CandidateLists(
            *(ordered(c) for c in (found.dense, found.lexical, found.defined, found.stem))
        )


def module(number: int) -> str:
    """Functions that differ in words and lengths."""
    random = Random(number)
    parts = []
    for n in range(60):
        text = " ".join(random.choices(WORDS, k=random.randint(3, 30)))
        parts.append(f"def work_{number}_{n}(argument):\n    return '{text}'\n\n\n")
    return "".join(parts)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {f"src/part_{n:02}.py": module(n) for n in range(12)}
    return make_repository(tmp_path / "project", files | {"README.md": "# Work\n", "b.bin": b"\0"})


def engines(tmp_path: Path, name: str) -> Engines:
    return Engines(HashEmbedder(dimension=256), EdgeStore(tmp_path / name), tmp_path / name)


def make_plan(root: Path, engines: Engines) -> IndexPlan:
    return planning.plan("project", root, engines, IndexOptions(), batch_bytes=BATCH_BYTES)


def run_shard(folder: ShardFolder, shard: int, engines: Engines, stop_after: int = 10**6) -> None:
    """What flows/index_shard.py does, in this process; ``stop_after`` batches it is killed."""
    left = folder.unfinished(shard)
    left = resumed(left, engines.store.file_records(left.collection, left.repo))
    for done, batch in enumerate(left.batches):
        if done == stop_after:
            # The worst moment: everything written but the records and the result.
            prepared = prepare_batch(left, batch, engines.embedder)
            embedded = batches.embed_batch(left, prepared, engines)
            engines.store.upsert_chunks(left.collection, embedded.points)
            return
        folder.add_result(shard, batches.index_batch(left, batch, engines))


def sharded(root: Path, engines: Engines, tmp_path: Path) -> IndexReport:
    plan = make_plan(root, engines)
    folder = ShardFolder.at(tmp_path, "run-1")
    folder.create(split(plan, SHARDS, BATCH_BYTES))
    workers = [threading.Thread(target=run_shard, args=(folder, n, engines)) for n in range(SHARDS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return finish(plan, folder, engines)


def finish(plan: IndexPlan, folder: ShardFolder, engines: Engines) -> IndexReport:
    results: list[BatchResult] = []
    for shard in range(SHARDS):
        assert folder.unfinished(shard).batches == ()
        results += folder.results(shard)
    folder.remove()
    return finalize(plan, results, engines, seconds=0.0)


def unsharded(root: Path, engines: Engines) -> IndexReport:
    plan = make_plan(root, engines)
    results = [batches.index_batch(plan, batch, engines) for batch in plan.batches]
    return finalize(plan, results, engines, seconds=0.0)


def points(engines: Engines) -> dict[str, object]:
    """Every point of the collection with payload and vectors, straight from the engine."""
    from qdrant_edge import ScrollRequest

    (collection,) = {r.collection for r in engines.store.repositories() if r.indexed_at}
    assert isinstance(engines.store, EdgeStore)
    with engines.store._shards.open(collection) as shard:
        found, _ = shard.scroll(ScrollRequest(limit=100_000, with_payload=True, with_vector=True))
    return {
        str(point.id): (
            point.payload,
            point.vector["dense"],
            list(point.vector["bm25"].indices),
            list(point.vector["bm25"].values),
        )
        for point in found
    }


def same_index(one: Engines, other: Engines) -> None:
    assert points(one) == points(other)
    (record,) = one.store.repositories()
    (expected,) = other.store.repositories()
    blank = {"indexed_at": "", "remembered": ""}
    assert dataclasses.replace(record, **blank) == dataclasses.replace(expected, **blank)
    files = [
        {
            path: dataclasses.replace(found, recorded_ns=0, attempts=0)
            for path, found in e.store.file_records(record.collection, "project").items()
        }
        for e in (one, other)
    ]
    assert files[0] == files[1]
    for query in ("work_3_7", "session cookie", "lease of a folder lock", "readme"):
        hits, expected_hits = (
            retrieval.search(
                query,
                dataclasses.replace(e, store=OrderedTies(e.store)),  # type: ignore[arg-type]
                limit=20,
            )
            for e in (one, other)
        )
        assert hits == expected_hits


def counts(report: IndexReport) -> dict[str, object]:
    varying = {"seconds", "embed_seconds"}
    return {k: v for k, v in dataclasses.asdict(report).items() if k not in varying}


def test_sharded_equals_unsharded(repository: Path, tmp_path: Path) -> None:
    one, other = engines(tmp_path, "one"), engines(tmp_path, "other")
    assert counts(sharded(repository, one, tmp_path)) == counts(unsharded(repository, other))
    same_index(one, other)

    # Edited, moved and deleted files.
    (repository / "src/part_01.py").write_text(module(1) + "CHANGED = True\n")
    (repository / "src/part_02.py").rename(repository / "moved.py")
    (repository / "src/part_03.py").unlink()
    commit_all(repository)
    report = sharded(repository, one, tmp_path)
    assert counts(report) == counts(unsharded(repository, other))
    assert (report.files_indexed, report.files_deleted) == (2, 2)
    assert report.chunks_reused > 0, "a moved file's vectors are found from another shard"
    same_index(one, other)


def test_a_shard_that_is_killed_goes_on_where_it_was(repository: Path, tmp_path: Path) -> None:
    one, other = engines(tmp_path, "one"), engines(tmp_path, "other")
    plan = make_plan(repository, one)
    folder = ShardFolder.at(tmp_path, "run-1")
    folder.create(split(plan, SHARDS, BATCH_BYTES))
    run_shard(folder, 0, one, stop_after=1)
    with (folder.path / "results-0.jsonl").open("a") as file:
        file.write('{"number": 2, "fil')  # half a line
    assert len(folder.results(0)) == 1
    for shard in range(SHARDS):
        run_shard(folder, shard, one)
    report = finish(plan, folder, one)
    assert counts(report)["files_indexed"] == counts(unsharded(repository, other))["files_indexed"]
    same_index(one, other)
    assert not folder.path.exists()


def test_every_file_is_in_one_shard_whatever_else_there_is(
    repository: Path, tmp_path: Path
) -> None:
    plan = make_plan(repository, engines(tmp_path, "one"))
    plans = split(plan, SHARDS, BATCH_BYTES)
    of = [{s.path for batch in p.batches for s in batch.files} for p in plans]
    assert set().union(*of) == {s.path for batch in plan.batches for s in batch.files}
    assert sum(len(paths) for paths in of) == plan.files_to_index
    assert all(shard_of(path, SHARDS) == n for n, paths in enumerate(of) for path in paths)
    assert shard_of("src/part_00.py", 1000) == 439, "stable between versions and machines"


def test_a_plan_survives_the_disk(repository: Path, tmp_path: Path) -> None:
    plan = make_plan(repository, engines(tmp_path, "one"))
    folder = ShardFolder.at(tmp_path, "run-1")
    folder.create(split(plan, SHARDS, BATCH_BYTES))
    assert tuple(folder.plan(n) for n in range(SHARDS)) == split(plan, SHARDS, BATCH_BYTES)
    assert (folder.path / "plan-0.json").stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError):
        folder.plan(SHARDS)


def test_one_process_at_a_time_works_on_a_shard(repository: Path, tmp_path: Path) -> None:
    plan = make_plan(repository, engines(tmp_path, "one"))
    folder = ShardFolder.at(tmp_path, "run-1")
    folder.create(split(plan, SHARDS, BATCH_BYTES))
    at_work, order = threading.Event(), []

    def second() -> None:
        at_work.set()
        with folder.held(0):
            order.append("second")

    with folder.held(0):
        thread = threading.Thread(target=second)
        thread.start()
        at_work.wait()
        with folder.held(1):
            order.append("first")
    thread.join(timeout=20)
    assert order == ["first", "second"]
    folder.remove()
    with pytest.raises(UsageError, match="end with it"), folder.held(0):
        pass
    assert not folder.path.exists()


def test_shards_of_a_killed_run_end_before_the_next_run_begins(
    repository: Path, tmp_path: Path
) -> None:
    one = engines(tmp_path, "one")
    plan = make_plan(repository, one)
    plans = split(plan, SHARDS, BATCH_BYTES)
    killed, other = (
        ShardFolder.at(tmp_path, name) for name in (folder_name(plan, "run-1"), "other-run")
    )
    for folder in (killed, other):
        folder.create(plans)
    at_work, refused = threading.Event(), []

    def orphan() -> None:
        with killed.held(0):
            at_work.set()
            while (killed.path / "plan-0.json").exists():
                time.sleep(0.02)
            try:
                killed.add_result(0, BatchResult(1))
            except UsageError as error:
                refused.append(error)

    thread = threading.Thread(target=orphan)
    thread.start()
    at_work.wait()
    ShardFolder.at(tmp_path, folder_name(plan, "run-2")).create(plans)
    assert refused, "the next run did not wait"
    thread.join(timeout=20)
    assert not killed.path.exists()
    assert other.path.exists(), "of another repository"


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "-x"])
def test_names_of_shard_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        ShardFolder.at(tmp_path, name)


@pytest.mark.parametrize(
    ("size", "shard", "expected"),
    [(0, 10, 1), (10, 10, 1), (11, 10, 2), (10**9, 1, MOST_SHARDS), (10**9, 0, 1)],
)
def test_how_many_shards(size: int, shard: int, expected: int) -> None:
    assert shard_count(size, shard) == expected
