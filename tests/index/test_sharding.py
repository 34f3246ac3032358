"""Sharded equals unsharded, on real repositories and the real Edge store; shards that are killed,
started twice, or left by the run that ordered them."""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness.engines import Engines
from harness.errors import LeaseLostError, UsageError
from harness.index import batches, planning
from harness.index.batches import BatchResult
from harness.index.finalizing import finalize
from harness.index.options import IndexOptions
from harness.index.planning import IndexPlan
from harness.index.preparing import prepare_batch
from harness.index.run_lock import hold_repository
from harness.index.shard_holding import guarded, shard_held
from harness.index.shard_orders import MOST_SHARDS, ShardOrder, orders, shard_count, shard_of
from harness.index.sharding import collect, plan_shard
from harness.repository.checkout import Checkout, resolve_source
from harness.repository.mirrors import work_folder
from harness.search import retrieval
from harness.store.edge import EdgeStore
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.store.protocol import VectorStore
from harness.store.queries import StoreQuery
from harness.types import Candidate, CandidateLists, Hit, IndexReport
from tests.fakes.embedder import HashEmbedder
from tests.fakes.qdrant_server import FakeQdrant
from tests.repositories import commit_all, make_repository

BATCH_BYTES = 10_000
SHARDS = 3
LEASE_SECONDS = 30.0


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


def run_shard(
    order: ShardOrder, root: Path, engines: Engines, stop_after: int = 10**6
) -> list[BatchResult]:
    """What flows/shards.py does, without Prefect; ``stop_after`` batches it is killed."""
    results: list[BatchResult] = []
    with shard_held(order, engines, lease_seconds=LEASE_SECONDS) as held:
        assert held is not None
        if held.is_done:
            return results
        with guarded(held, engines):
            plan = plan_shard(order, root, engines, IndexOptions(), batch_bytes=BATCH_BYTES)
            for done, batch in enumerate(plan.batches):
                if done == stop_after:
                    # The worst moment: everything written but the records and the result.
                    prepared = prepare_batch(plan, batch, engines.embedder)
                    embedded = batches.embed_batch(plan, prepared, engines)
                    engines.store.upsert_chunks(plan.collection, embedded.points)
                    return results
                results.append(batches.index_batch(plan, batch, engines))
                held.add(results[-1])
            held.finish()
    return results


@contextmanager
def ordered(
    root: Path, engines: Engines, shards: int = SHARDS
) -> Iterator[tuple[IndexPlan, tuple[ShardOrder, ...]]]:
    """The run that orders shards, up to their start."""
    with hold_repository(
        engines.store, engines.data_dir, str(root), lease_seconds=LEASE_SECONDS
    ) as lease:
        assert lease is not None
        plan = make_plan(root, engines)
        yield plan, orders(plan, lease.holder, shards)


def sharded(root: Path, engines: Engines, tmp_path: Path) -> IndexReport:
    """Every shard with files of its own, the last one first."""
    with ordered(root, engines) as (plan, shards):
        for order in reversed(shards):
            folder = tmp_path / f"machine-{order.shard}-{time.monotonic_ns()}"
            shutil.copytree(root, folder)
            run_shard(order, folder, engines)
        results = collect(shards, plan, engines, [""] * len(shards))
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
            path: dataclasses.replace(found, recorded_ns=0, mtime_ns=0, attempts=0, run="")
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
        assert scores(hits) == pytest.approx(scores(expected_hits), abs=1e-4)


def scores(hits: list[Hit]) -> dict[Hit, float]:
    """Score of each hit. The engine adds up in the order of its segments, so that the last digits
    may differ between two indexes."""
    return {dataclasses.replace(hit, score=0.0): hit.score for hit in hits}


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
    with ordered(repository, one) as (plan, shards):
        before = run_shard(shards[0], repository, one, stop_after=1)
        after = [result for order in shards for result in run_shard(order, repository, one)]
        assert run_shard(shards[0], repository, one) == [], "it is done"
        results = collect(shards, plan, one, [""] * SHARDS)
        report = finalize(plan, results, one, seconds=0.0)
    assert sum(result.files_indexed for result in before + after) == report.files_indexed == 13
    expected = counts(unsharded(repository, other))
    assert counts(report) == expected | {"chunks_reused": report.chunks_reused,
                                         "chunks_embedded": report.chunks_embedded}  # fmt: skip
    same_index(one, other)


def test_what_no_shard_came_to_is_recorded_as_failed(repository: Path, tmp_path: Path) -> None:
    one = engines(tmp_path, "one")
    with ordered(repository, one) as (plan, shards):
        for order in shards[1:]:
            run_shard(order, repository, one)
        results = collect(shards, plan, one, ["its machine is gone", "", ""])
        report = finalize(plan, results, one, seconds=0.0)
    own = {path for path in all_paths(plan) if shard_of(path, SHARDS) == 0}
    assert {path for path, _ in report.failures} == own
    assert {error for _, error in report.failures} == {"shard 0: its machine is gone"}
    assert report.files_indexed == 13 - len(own)
    assert unsharded(repository, one).files_indexed == len(own), "the next run tries them again"


def test_every_file_is_in_one_shard_whatever_else_there_is(
    repository: Path, tmp_path: Path
) -> None:
    one = engines(tmp_path, "one")
    with ordered(repository, one) as (plan, shards):
        plans = [
            plan_shard(order, repository, one, IndexOptions(), batch_bytes=BATCH_BYTES)
            for order in shards
        ]
    of = [all_paths(plan) for plan in plans]
    assert set().union(*of) == all_paths(plan)
    assert sum(len(paths) for paths in of) == plan.files_to_index
    assert all(shard_of(path, SHARDS) == n for n, paths in enumerate(of) for path in paths)
    assert shard_of("src/part_00.py", 1000) == 439, "stable between versions and machines"


def all_paths(plan: IndexPlan) -> set[str]:
    return {source.path for batch in plan.batches for source in batch.files}


def test_everything_again_is_everything_once(repository: Path, tmp_path: Path) -> None:
    one = engines(tmp_path, "one")
    unsharded(repository, one)
    full = IndexOptions(full=True)
    with ordered(repository, one) as (_, shards):
        plan = plan_shard(shards[0], repository, one, full, batch_bytes=BATCH_BYTES)
        assert len(plan.batches) > 1
        batches.index_batch(plan, plan.batches[0], one)
        left = plan_shard(shards[0], repository, one, full, batch_bytes=BATCH_BYTES)
    done = {source.path for source in plan.batches[0].files}
    assert all_paths(left) == all_paths(plan) - done


def test_another_model_here_is_refused(repository: Path, tmp_path: Path) -> None:
    one = engines(tmp_path, "one")
    with ordered(repository, one) as (_, shards):
        other = dataclasses.replace(one, embedder=HashEmbedder(dimension=64))
        with pytest.raises(UsageError, match="give all workers the same"):
            plan_shard(shards[0], repository, other, IndexOptions(), batch_bytes=BATCH_BYTES)


def test_one_process_at_a_time_works_on_a_shard(repository: Path, tmp_path: Path) -> None:
    one, two = engines(tmp_path, "one"), engines(tmp_path, "one")
    order_of_turns: list[str] = []
    with ordered(repository, one) as (_, shards):

        def second() -> None:
            with shard_held(shards[0], two, lease_seconds=LEASE_SECONDS):
                order_of_turns.append("second")

        with shard_held(shards[0], one, lease_seconds=LEASE_SECONDS):
            with shard_held(shards[0], two, lease_seconds=LEASE_SECONDS, wait=False) as nobody:
                assert nobody is None
            thread = threading.Thread(target=second)
            thread.start()
            with shard_held(shards[1], two, lease_seconds=LEASE_SECONDS) as other:
                assert other is not None
            order_of_turns.append("first")
        thread.join(timeout=20)
    assert order_of_turns == ["first", "second"]
    with (
        pytest.raises(LeaseLostError, match="end with it"),
        shard_held(shards[0], one, lease_seconds=LEASE_SECONDS),
    ):
        pass


def test_a_shard_of_a_run_that_was_replaced_changes_nothing(
    repository: Path, tmp_path: Path
) -> None:
    one, two = engines(tmp_path, "one"), engines(tmp_path, "one")
    with ordered(repository, one) as (_, shards):
        pass  # it was killed
    with ordered(repository, one) as (_, later):
        assert later[0].run != shards[0].run
        with pytest.raises(LeaseLostError), shard_held(shards[0], two, lease_seconds=LEASE_SECONDS):
            pass
        with shard_held(later[0], two, lease_seconds=LEASE_SECONDS) as held:
            assert held is not None
            with guarded(held, two):
                plan = plan_shard(
                    later[0], repository, two, IndexOptions(), batch_bytes=BATCH_BYTES
                )
                batches.index_batch(plan, plan.batches[0], two)
    # Its run ends while it is at work.
    with ordered(repository, one) as (_, shards):
        held_on = shard_held(shards[0], two, lease_seconds=LEASE_SECONDS)
        held = held_on.__enter__()
        assert held is not None
    before = one.store.file_records(plan.collection, "project")
    with pytest.raises(LeaseLostError), guarded(held, two):
        batches.index_batch(plan, plan.batches[0], two)
    held_on.__exit__(None, None, None)
    assert one.store.file_records(plan.collection, "project") == before


@pytest.mark.parametrize(
    ("size", "shard", "expected"),
    [(0, 10, 1), (10, 10, 1), (11, 10, 2), (10**9, 1, MOST_SHARDS), (10**9, 0, 1)],
)
def test_how_many_shards(size: int, shard: int, expected: int) -> None:
    assert shard_count(size, shard) == expected


# Several machines: different, empty data directories, and one server


def test_machines_that_share_nothing_but_the_server(repository: Path, tmp_path: Path) -> None:
    url = f"file://{repository}"
    (repository / "new.py").write_text("x = 1\n")
    commit = commit_all(repository)

    def checked_out(data_dir: Path, ref: str, folder: Path) -> Checkout:
        return resolve_source(url, into=folder, data_dir=data_dir, timeout_seconds=60, ref=ref)

    with FakeQdrant() as server, FakeQdrant() as other, ExitStack() as stack:

        def machine(name: str, of: FakeQdrant) -> tuple[Engines, Checkout]:
            data_dir = tmp_path / name
            folder = stack.enter_context(work_folder(url, data_dir))
            assert folder is not None
            store = open_store(QdrantOptions(url=of.url, grpc_port=0))
            made = Engines(HashEmbedder(dimension=256), store, data_dir)
            return stack.enter_context(made), checked_out(data_dir, commit, folder)

        def planned(own: Engines, files: Checkout) -> IndexPlan:
            return planning.plan(
                "project", files.root, own, IndexOptions(),
                batch_bytes=BATCH_BYTES, source=files.source,
            )  # fmt: skip

        first, files = machine("first", server)
        with hold_repository(first.store, first.data_dir, url) as lease:
            assert lease is not None
            plan = planned(first, files)
            shards = orders(plan, lease.holder, SHARDS)
            (repository / "later.py").write_text("y = 2\n")
            commit_all(repository, "a push meanwhile")
            for order in shards:
                own, its_files = machine(f"shard-{order.shard}", server)
                run_shard(order, its_files.root, own)
            report = finalize(plan, collect(shards, plan, first, [""] * SHARDS), first, seconds=0)
        whole, its_files = machine("whole", other)
        plan = planned(whole, its_files)
        results = [batches.index_batch(plan, batch, whole) for batch in plan.batches]
        assert counts(report) == counts(finalize(plan, results, whole, seconds=0))
        assert report.commit == commit
        assert server.points(plan.collection) == other.points(plan.collection)
