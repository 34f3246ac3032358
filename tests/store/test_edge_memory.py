"""What is remembered of an open shard."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from sys import getsizeof
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from harness.errors import StoreDamagedError
from harness.store import edge, edge_memory, read_ahead
from harness.store.edge import EdgeStore
from harness.store.edge_memory import Memories, ShardMemory
from harness.store.queries import StoreQuery
from tests.store.points import COLLECTION, MANIFEST, point, vector


class Shard:
    """Answers with one chunk for each point, and counts the points that it was asked for."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def retrieve(self, ids: list[UUID], keys: list[str], vectors: bool) -> list[Any]:
        self.read += [one.int for one in ids]
        payload = {
            "repo": "repo", "path": "a.py", "text": "", "start_line": 1, "end_line": 1,
            "language": "python", "symbol": "", "kind": "text", "names": [],
        }  # fmt: skip
        return [SimpleNamespace(id=one, payload=payload) for one in ids]


def ask(memory: ShardMemory, *points: int) -> None:
    assert set(memory.chunks({point: UUID(int=point) for point in points})) == set(points)


def test_only_the_last_points_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_memory, "_MOST_BYTES", 3 * (edge_memory._ROW_BYTES + getsizeof("")))
    shard = Shard()
    memory = ShardMemory(shard)
    for number in range(9):
        ask(memory, 0, number)
    assert shard.read == list(range(9)), "what is asked for again and again is read once"
    ask(memory, 8)
    assert shard.read == list(range(9))
    ask(memory, 1)
    assert shard.read[-1] == 1, "what was not asked for is forgotten"


def test_another_shard_of_the_same_name_has_nothing() -> None:
    memories, one, other = Memories(), Shard(), Shard()
    ask(memories.of("c", one), 1)
    ask(memories.of("c", one), 1)
    ask(memories.of("c", other), 1)
    memories.forget("c")
    ask(memories.of("c", other), 1)
    assert (one.read, other.read) == ([1], [1, 1])


def test_the_values_that_were_not_asked_for_longest_are_read_again() -> None:
    memory, read = ShardMemory(Shard()), []

    def ask_for(key: str) -> None:
        def values() -> list[str]:
            read.append(key)
            return [key]

        assert memory.values(key, [("repo", ("a",))], values) == (key,)

    keys = [f"key{number}" for number in range(edge_memory._MOST_LISTS + 1)]
    for key in [*keys[:-1], keys[0], keys[-1], keys[0], keys[1]]:
        ask_for(key)
    assert read == [*keys, keys[1]]


def _lines(store: EdgeStore) -> list[int]:
    found = store.query(COLLECTION, StoreQuery(dense=vector(0), limit=10))
    return [candidate.chunk.start_line for candidate in found.dense]


def test_a_passage_that_was_moved_is_found_where_it_is_now(tmp_path: Path) -> None:
    store, other = EdgeStore(tmp_path, 60), EdgeStore(tmp_path, 60)
    try:
        store.ensure_collection(MANIFEST)
        store.upsert_chunks(COLLECTION, [point("a.py", "text", line=1)])
        assert _lines(store) == [1]
        assert store.distinct(COLLECTION, "path", ()) == ["a.py"]
        store.upsert_chunks(COLLECTION, [point("a.py", "text", line=5)])
        assert _lines(store) == [5]
        other.upsert_chunks(COLLECTION, [point("a.py", "text", line=9)])
        assert _lines(store) == [9]
        other.delete_chunks(COLLECTION, "repo", ["a.py"])
        assert _lines(store) == []
        assert store.distinct(COLLECTION, "path", ()) == []
    finally:
        store.close()
        other.close()


def test_a_probe_leaves_what_is_open_as_it_is(tmp_path: Path) -> None:
    with (
        closing(EdgeStore(tmp_path, 60)) as store,
        closing(EdgeStore(tmp_path, 60)) as other,
    ):
        store.ensure_collection(MANIFEST)
        store.describe()
        opened = store._shards.shard_if_open(COLLECTION)
        assert opened is not None
        assert _lines(store) == []
        store.describe()
        assert store._shards.shard_if_open(COLLECTION) is opened
        other.upsert_chunks(COLLECTION, [point("a.py", "text", line=1)])
        store.describe()
        assert store._shards.shard_if_open(COLLECTION) is not opened, "it was read again"
        assert _lines(store) == [1]
        shutil.rmtree(tmp_path / COLLECTION)
        with pytest.raises(StoreDamagedError, match="is missing"):
            store.describe()


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="not to be asked here")
def test_a_process_that_goes_on_searching_has_its_passages_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []
    monkeypatch.setattr(edge, "read_passages_ahead", folders.append)
    with closing(EdgeStore(tmp_path, 60)) as store:
        store.ensure_collection(MANIFEST)
        store.upsert_chunks(COLLECTION, [point("a.py", "text")])
        for searches in range(6):
            assert len(folders) == int(searches > 2)
            _lines(store)
        asked: list[str] = []
        advise = os.posix_fadvise

        def noting(descriptor: int, *rest: int) -> None:
            asked.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
            advise(descriptor, *rest)

        monkeypatch.setattr(os, "posix_fadvise", noting)
        read_ahead._ask_for(folders[0])
        assert "page_0.dat" in asked
        monkeypatch.setattr(read_ahead, "_SHARE", 1 << 60)
        asked.clear()
        read_ahead._ask_for(folders[0])
        assert asked == [], "not more than there is room for"
