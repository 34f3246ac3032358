"""What is remembered of an open shard."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store import edge_memory
from harness.store.edge import EdgeStore
from harness.store.edge_memory import Memories, ShardMemory
from harness.store.queries import StoreQuery
from harness.types import Chunk
from tests.store.points import COLLECTION, MANIFEST, point, vector

CHUNK = Chunk("text", 1, 1, "python", "f", "function", ("f",))


def test_only_the_last_points_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_memory, "_MOST_CHUNKS", 3)
    memory = ShardMemory(object())
    for number in range(9):
        memory.keep(number, ("repo", f"{number}.py", CHUNK))
        assert memory.chunk(0) is not None  # asked for again and again
    kept = [number for number in range(9) if memory.chunk(number)]
    assert 0 in kept and 8 in kept
    assert 1 not in kept
    assert len(kept) <= 6


def test_another_shard_of_the_same_name_has_nothing() -> None:
    memories, one, other = Memories(), object(), object()
    memories.of("c", one).keep(1, ("repo", "a.py", CHUNK))
    assert memories.of("c", one).chunk(1) is not None
    assert memories.of("c", other).chunk(1) is None
    memories.forget("c")
    assert memories.of("c", other).repos is None


def _lines(store: EdgeStore) -> list[int]:
    found = store.query(COLLECTION, StoreQuery(dense=vector(0), limit=10))
    return [candidate.chunk.start_line for candidate in found.dense]


def test_a_passage_that_was_moved_is_found_where_it_is_now(tmp_path: Path) -> None:
    store, other = EdgeStore(tmp_path, 60), EdgeStore(tmp_path, 60)
    try:
        store.ensure_collection(MANIFEST)
        store.upsert_chunks(COLLECTION, [point("a.py", "text", line=1)])
        assert _lines(store) == [1]
        store.upsert_chunks(COLLECTION, [point("a.py", "text", line=5)])
        assert _lines(store) == [5]
        other.upsert_chunks(COLLECTION, [point("a.py", "text", line=9)])
        assert _lines(store) == [9]
        other.delete_chunks(COLLECTION, "repo", ["a.py"])
        assert _lines(store) == []
    finally:
        store.close()
        other.close()
