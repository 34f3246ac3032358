"""A search that meets a collection which was dropped under it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import Engines
from harness.errors import StoreError
from harness.search import retrieval
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord
from tests.fakes.embedder import HashEmbedder
from tests.store.points import COLLECTION, MANIFEST, point


class Rebuilt(EdgeStore):
    """Names a collection that is gone when it is first asked: a rebuild ends in between."""

    asked = 0
    stale_for = 2

    def repositories(self) -> list[RepositoryRecord]:
        self.asked += 1
        records = super().repositories()
        if self.asked > self.stale_for:
            return records
        return [replace(record, collection="harness-0000000000000000") for record in records]


@pytest.fixture
def store(tmp_path: Path) -> Rebuilt:
    store = Rebuilt(tmp_path / "index", 10)
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(COLLECTION, [point("a.py", "alpha beta")])
    store.put_repository(RepositoryRecord("repo", "/src", "", COLLECTION, "m", 1, 1, 0, "now"))
    return store


def test_it_looks_once_more(store: Rebuilt, tmp_path: Path) -> None:
    engines = Engines(HashEmbedder(), store, tmp_path)
    assert [hit.path for hit in retrieval.search("alpha", engines)] == ["a.py"]


def test_what_is_missing_for_good_is_an_error(store: Rebuilt, tmp_path: Path) -> None:
    store.stale_for = 100
    with pytest.raises(StoreError, match="is missing"):
        retrieval.search("alpha", Engines(HashEmbedder(), store, tmp_path))
