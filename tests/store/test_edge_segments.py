"""Packed segments answer as growing ones do, and indexes of former versions go on working."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from harness.store import edge_config, edge_shards
from harness.store.edge import EdgeStore
from harness.store.edge_config import create_indexes, missing_indexes
from harness.store.edge_points import upsert
from harness.store.queries import StoreQuery
from harness.types import Filter
from tests.store.points import COLLECTION, DIMENSION, MANIFEST, point, vector


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EdgeStore]:
    monkeypatch.setattr(edge_config, "PACKED_AT_KB", 4)  # 128 vectors
    with closing(EdgeStore(tmp_path, lock_timeout_seconds=20)) as opened:
        opened.ensure_collection(MANIFEST)
        yield opened


def segments(store: EdgeStore) -> int:
    with store._shards.open(COLLECTION) as shard:
        return int(shard.info().segments_count)


def nearest(store: EdgeStore, seed: int, **where: tuple[str, ...]) -> list[str]:
    query = StoreQuery(dense=vector(seed), where=Filter(**where), limit=20)
    return [found.path for found in store.query(COLLECTION, query).dense]


def test_packed_segments_give_the_exact_answer(store: EdgeStore) -> None:
    for start in range(0, 600, 150):
        rows = [point(f"{n}.py", f"w{n}", seed=n) for n in range(start, start + 150)]
        store.upsert_chunks(COLLECTION, rows)
    assert segments(store) > 2
    vectors = np.stack([vector(n) for n in range(600)])
    for seed in range(1000, 1010):
        wanted = np.argsort(-(vectors @ vector(seed)))[:20]
        assert nearest(store, seed) == [f"{n}.py" for n in wanted]


def test_a_shard_stays_open_for_some_packed_segments(
    store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_shards, "_PACKED_AT_MOST", 2)
    for start, stays_open in ((0, True), (150, False)):
        rows = [point(f"{n}.py", f"w{n}", seed=n) for n in range(start, start + 150)]
        store.upsert_chunks(COLLECTION, rows)
        assert (store._shards.shard_if_open(COLLECTION) is not None) is stays_open
    assert store.count_chunks(COLLECTION) == 300


def test_packed_points_can_be_replaced_and_removed(store: EdgeStore) -> None:
    first = [point(f"{n}.py", f"w{n}", seed=n) for n in range(300)]
    store.upsert_chunks(COLLECTION, first)
    assert segments(store) > 1
    store.upsert_chunks(COLLECTION, [point("7.py", "w7", seed=5000)])
    store.delete_chunks(COLLECTION, "repo", ["8.py"])
    assert store.count_chunks(COLLECTION) == 299
    assert nearest(store, 5000)[0] == "7.py"
    assert "8.py" not in nearest(store, 8)
    store.compact(COLLECTION)
    assert store.count_chunks(COLLECTION) == 299


def test_a_query_of_every_repository_follows_what_is_written(store: EdgeStore) -> None:
    store.upsert_chunks(COLLECTION, [point("a.py", "one", repo="a")])
    assert nearest(store, 0, repos=("a",)) == ["a.py"]
    store.upsert_chunks(COLLECTION, [point("b.py", "two", repo="b")])
    assert nearest(store, 0, repos=("a",)) == ["a.py"]
    assert sorted(nearest(store, 0, repos=("a", "b"))) == ["a.py", "b.py"]
    store.delete_chunks(COLLECTION, "b")
    assert nearest(store, 0, repos=("a",)) == ["a.py"]


def test_a_shard_of_the_former_layout_goes_on_working(
    store: EdgeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeShard,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        Modifier,
    )

    store.close()
    store._shards.delete(COLLECTION)
    (tmp_path / COLLECTION).mkdir()
    shard = EdgeShard.create(
        str(tmp_path / COLLECTION),
        EdgeConfig(
            vectors={"dense": EdgeVectorParams(DIMENSION, Distance.Cosine)},
            sparse_vectors={"bm25": EdgeSparseVectorParams(modifier=Modifier.Idf)},
            optimizers=EdgeOptimizersConfig(indexing_threshold=10**9),
        ),
    )
    with monkeypatch.context() as former:
        former.setattr(edge_config, "KEYWORD_INDEXES", ("path", "stem", "definitions"))
        create_indexes(shard)
    upsert(shard, [point(f"{n}.py", f"w{n}", seed=n) for n in range(200)])
    shard.close()

    def answers() -> tuple[list[str], list[str], list[str]]:
        return (
            nearest(store, 8, languages=("python",))[:1],
            nearest(store, 8, languages=("go",)),
            store.distinct(COLLECTION, "language", ()),
        )

    assert answers() == (["8.py"], [], ["python"]), "without the index of languages"
    store.upsert_chunks(COLLECTION, [point(f"{n}.py", f"w{n}", seed=n) for n in range(100, 300)])
    with store._shards.open(COLLECTION) as opened:
        assert missing_indexes(opened) == []
    assert answers() == (["8.py"], [], ["python"]), "with the one that the write has made"
    assert segments(store) == 1
