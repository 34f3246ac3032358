"""Chunk points as Qdrant Edge takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.store.payload import to_payload
from harness.types import ChunkPoint, SparseVector

_POINTS_PER_UPSERT = 512


def upsert(shard: Any, points: Sequence[ChunkPoint]) -> None:
    """Insert or replace points in a shard that is open."""
    from qdrant_edge import Point, UpdateOperation

    for start in range(0, len(points), _POINTS_PER_UPSERT):
        part = [
            Point(
                point.id,
                {"dense": point.dense.tolist(), "bm25": sparse(point.sparse)},
                to_payload(point),
            )
            for point in points[start : start + _POINTS_PER_UPSERT]
        ]
        shard.update(UpdateOperation.upsert_points(part))


def sparse(vector: SparseVector) -> Any:
    """The engine's own kind of sparse vector."""
    from qdrant_edge import SparseVector as EdgeVector

    return EdgeVector(list(vector.indices), list(vector.values))
