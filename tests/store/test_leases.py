"""Leases of every store: they change by comparison only."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ServiceUnavailableError, StoreError
from harness.store.edge import EdgeStore
from harness.store.edge_leases import LEASES_FILE
from harness.store.leases import Lease
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.store.protocol import VectorStore
from tests.fakes.qdrant_server import FakeQdrant
from tests.store.engines import OPENERS

FIRST = Lease("app", 1, "one", "v1", note="ü")


@pytest.fixture(params=[*sorted(OPENERS), "rest"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "rest":
        with (
            FakeQdrant() as server,
            closing(open_store(QdrantOptions(url=server.url, grpc_port=0))) as opened,
        ):
            yield opened
        return
    with closing(OPENERS[request.param](tmp_path / "index")) as opened:
        yield opened


def test_a_lease_changes_only_as_it_was_seen(store: VectorStore) -> None:
    key = f"{FIRST.key}-{id(store)}"  # a real server keeps what former runs left
    first = replace(FIRST, key=key)
    assert store.lease(key) is None
    assert not store.swap_lease(first, "v0"), "there is none to replace"
    assert store.lease(key) is None
    assert store.swap_lease(first, None)
    assert store.lease(key) == first
    second = replace(first, fence=2, holder="two", version="v2", note="")
    assert not store.swap_lease(second, None)
    assert not store.swap_lease(second, "v2")
    assert store.lease(key) == first
    assert store.swap_lease(second, "v1")
    assert not store.swap_lease(replace(first, version="v3"), "v1")
    assert store.lease(key) == second
    assert store.lease("other") is None


def test_of_many_who_try_at_once_one_succeeds(store: VectorStore) -> None:
    if "memory" in store.describe():
        pytest.skip("the local client is for one thread at a time")
    key = f"many-{id(store)}"
    expected: str | None = None
    for fence in (1, 2):
        tries = [Lease(key, fence, str(n), f"{fence}-{n}") for n in range(8)]
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda new, e=expected: store.swap_lease(new, e), tries))
        assert outcomes.count(True) == 1
        assert store.lease(key) == tries[outcomes.index(True)]
        expected = tries[outcomes.index(True)].version


def test_a_cluster_with_a_lost_node_has_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.retrying.Backoff.seconds", lambda self, failures: 0.0)
    second = replace(FIRST, version="v2")
    with (
        FakeQdrant() as server,
        closing(open_store(QdrantOptions(url=server.url, grpc_port=0))) as store,
    ):
        assert store.swap_lease(FIRST, None)
        server.is_spreading = True
        assert store.lease(FIRST.key) == FIRST
        assert store.lease("other") is None
        server.is_spreading = False
        server.lost_nodes = 1
        assert store.lease("other") is None
        assert store.swap_lease(second, "v1")
        assert store.lease(FIRST.key) == second
        server.lost_nodes = 2
        with pytest.raises(ServiceUnavailableError, match="does not reach enough of the others"):
            store.lease(FIRST.key)


def test_the_embedded_file_is_private_and_may_be_removed(tmp_path: Path) -> None:
    with closing(EdgeStore(tmp_path / "index")) as store:
        assert store.swap_lease(FIRST, None)
        file = tmp_path / "index" / LEASES_FILE
        assert file.stat().st_mode & 0o077 == 0
        file.write_bytes(b"no database, but as long as one" * 100)
        with pytest.raises(StoreError, match="it may be removed"):
            store.lease("app")
        file.unlink()
        assert store.lease("app") is None
