"""Which repositories a request is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import RepositoryNotFoundError, UsageError
from harness.store.catalog import in_scope
from harness.store.edge import EdgeStore
from harness.types import RepositoryRecord


def test_one_all_unknown_or_none(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path)
    with pytest.raises(UsageError, match="harness index PATH"):
        in_scope(store, None)
    a, b = (RepositoryRecord(n, f"/{n}", "", "c", "m", 1, 1, 0, "now") for n in "ab")
    store.put_repository(b)
    store.put_repository(a)
    assert in_scope(store, None) == [a, b]
    assert in_scope(store, "b") == [b]
    with pytest.raises(RepositoryNotFoundError, match="'c' is not indexed; indexed are: a, b"):
        in_scope(store, "c")
