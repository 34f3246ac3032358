"""Every engine that the contract of a store is tested with; a new one is a line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.store.opening import open_store
from harness.store.options import EdgeOptions, QdrantOptions
from harness.store.protocol import VectorStore
from harness.store.qdrant import QdrantStore


def _edge(root: Path) -> VectorStore:
    return open_store(EdgeOptions(root, lock_timeout_seconds=5))


def _memory(root: Path) -> VectorStore:
    from qdrant_client import QdrantClient

    return QdrantStore(QdrantClient(":memory:"), "memory")


def _server(root: Path) -> VectorStore:
    """A real server, emptied."""
    url = os.environ.get("HARNESS_TEST_QDRANT_URL")
    if not url:
        pytest.skip("HARNESS_TEST_QDRANT_URL is not set")
    store = open_store(QdrantOptions(url=url))
    for manifest in store.manifests():
        store.drop_collection(manifest.collection)
    for record in store.repositories():
        store.delete_repository(record.name)
    return store


OPENERS: Mapping[str, Callable[[Path], VectorStore]] = {
    "edge": _edge,
    "memory": _memory,
    "server": _server,
}
"""Each opens an empty store; the path is a folder that it may use."""
