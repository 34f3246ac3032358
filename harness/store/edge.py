"""Qdrant Edge: Qdrant's own engine in the process, one shard a collection, records in SQLite."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.store.edge_records import Records
from harness.store.edge_shards import EdgeShards
from harness.store.payload import to_candidate, to_payload
from harness.types import (
    CandidateLists,
    ChunkPoint,
    FileRecord,
    Filter,
    FloatArray,
    Manifest,
    RepositoryRecord,
    SparseVector,
)

_POINTS_PER_UPSERT = 512
_SCROLL_PAGE = 1000


class EdgeStore:
    """A folder with one Edge shard a collection and ``records.sqlite``.

    :param root: the folder; created with mode 0700.
    :param lock_timeout_seconds: how long an operation waits for another process.
    """

    engine = "edge"

    def __init__(self, root: Path, lock_timeout_seconds: float = 60.0) -> None:
        self._shards = EdgeShards(root, lock_timeout_seconds)
        self._records = Records(root / "records.sqlite", lock_timeout_seconds)

    def close(self) -> None:
        """Nothing stays open between operations."""

    def describe(self) -> str:
        """See the Protocol."""
        for manifest in self.manifests():
            with self._shards.open(manifest.collection):
                pass  # opens, so it is whole
        return f"Qdrant Edge in {self._shards.root}"

    def exclusive(self) -> contextlib.AbstractContextManager[None]:
        """Hold the store's lock, as :meth:`harness.store.edge_shards.EdgeShards.exclusive`."""
        return self._shards.exclusive()

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        """See :class:`harness.store.protocol.VectorStore`."""
        if self._has(manifest.collection):
            return
        with self.exclusive():
            if not self._has(manifest.collection):  # else another process was quicker
                self._shards.create(manifest.collection, manifest.dimension)
                self._records.add_collection(manifest)

    def _has(self, collection: str) -> bool:
        recorded = any(manifest.collection == collection for manifest in self.manifests())
        return recorded and self._shards.exists(collection)

    def manifests(self) -> list[Manifest]:
        """See the Protocol."""
        return self._records.manifests()

    def drop_collection(self, collection: str) -> None:
        """See the Protocol."""
        with self.exclusive():
            self._records.drop_collection(collection)
            self._shards.delete(collection)

    # Repositories and files: all in SQLite

    def repositories(self) -> list[RepositoryRecord]:
        """See the Protocol."""
        return self._records.repositories()

    def put_repository(self, record: RepositoryRecord) -> None:
        """See the Protocol."""
        self._records.put_repository(record)

    def delete_repository(self, name: str) -> None:
        """See the Protocol."""
        self._records.delete_repository(name)

    def file_records(self, collection: str, repo: str) -> dict[str, FileRecord]:
        """See the Protocol."""
        return self._records.file_records(collection, repo)

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        """See the Protocol."""
        self._records.put_file_records(collection, records)

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        """See the Protocol."""
        self._records.delete_file_records(collection, repo, paths)

    # Chunks

    def upsert_chunks(self, collection: str, points: Sequence[ChunkPoint]) -> None:
        """See the Protocol."""
        if not points:
            return
        from qdrant_edge import Point, UpdateOperation
        from qdrant_edge import SparseVector as EdgeSparse

        converted = [
            Point(
                point.id,
                {
                    "dense": point.dense.tolist(),
                    "bm25": EdgeSparse(list(point.sparse.indices), list(point.sparse.values)),
                },
                to_payload(point),
            )
            for point in points
        ]
        with self._shards.writing(collection) as shard:
            for start in range(0, len(converted), _POINTS_PER_UPSERT):
                part = converted[start : start + _POINTS_PER_UPSERT]
                shard.update(UpdateOperation.upsert_points(part))

    def delete_chunks(
        self,
        collection: str,
        repo: str,
        paths: Sequence[str] | None = None,
        keep_ids: Iterable[str] = (),
    ) -> None:
        """See the Protocol."""
        from qdrant_edge import Filter as EdgeFilter
        from qdrant_edge import HasIdCondition, UpdateOperation

        if paths is not None and not paths:
            return
        kept: set[Any] = set(keep_ids)
        where = EdgeFilter(
            must=_conditions(Filter(repos=(repo,), paths=None if paths is None else tuple(paths))),
            must_not=[HasIdCondition(kept)] if kept else None,
        )
        with self._shards.writing(collection) as shard:
            shard.update(UpdateOperation.delete_points_by_filter(where))

    def compact(self, collection: str) -> None:
        """See the Protocol."""
        self._shards.compact(collection)

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        """See the Protocol."""
        from qdrant_edge import CountRequest
        from qdrant_edge import Filter as EdgeFilter

        where = None if repo is None else EdgeFilter(must=_conditions(Filter(repos=(repo,))))
        with self._shards.open(collection) as shard:
            return int(shard.count(CountRequest(exact=True, filter=where)))

    def _scroll(self, shard: Any, must: list[Any], payload: Any, vectors: Any) -> Iterator[Any]:
        from qdrant_edge import Filter as EdgeFilter
        from qdrant_edge import ScrollRequest

        offset: Any = None
        while True:
            page, offset = shard.scroll(
                ScrollRequest(
                    offset=offset,
                    limit=_SCROLL_PAGE,
                    filter=EdgeFilter(must=must),
                    with_payload=payload,
                    with_vector=vectors,
                )
            )
            yield from page
            if offset is None:
                return

    def vectors_by_embed_hash(
        self, collection: str, hashes: Sequence[str]
    ) -> Mapping[str, FloatArray]:
        """See the Protocol."""
        if not hashes:
            return {}
        from qdrant_edge import FieldCondition, MatchAny

        must = [FieldCondition("embed_hash", match=MatchAny(sorted(set(hashes))))]
        with self._shards.open(collection) as shard:
            return {
                record.payload["embed_hash"]: _dense(record)
                for record in self._scroll(shard, must, ["embed_hash"], ["dense"])
            }

    def vectors_by_chunk_hash(
        self, collection: str, repo: str, paths: Sequence[str]
    ) -> Mapping[tuple[str, str], FloatArray]:
        """See the Protocol."""
        if not paths:
            return {}
        must = _conditions(Filter(repos=(repo,), paths=tuple(paths)))
        with self._shards.open(collection) as shard:
            return {
                (record.payload["path"], record.payload["chunk_hash"]): _dense(record)
                for record in self._scroll(shard, must, ["path", "chunk_hash"], ["dense"])
            }

    def query(
        self,
        collection: str,
        *,
        dense: FloatArray | None,
        sparse: SparseVector | None,
        definitions: Sequence[str],
        stems: Sequence[str],
        where: Filter,
        limit: int,
    ) -> CandidateLists:
        """See the Protocol."""
        from qdrant_edge import FieldCondition, MatchAny, Query, QueryBatchRequest, QueryRequest
        from qdrant_edge import Filter as EdgeFilter
        from qdrant_edge import SparseVector as EdgeSparse

        conditions = _conditions(where)
        has_terms = sparse is not None and len(sparse.indices) > 0
        lists: dict[str, Any] = {}

        def request(query: Any, extra: list[Any]) -> Any:
            must = [*conditions, *extra]
            return QueryRequest(
                limit=limit,
                query=query,
                filter=EdgeFilter(must=must) if must else None,
                with_payload=True,
            )

        if dense is not None:
            lists["dense"] = request(Query.Nearest(dense.tolist(), using="dense"), [])
        if sparse is not None and has_terms:
            terms = EdgeSparse(list(sparse.indices), list(sparse.values))
            by_words = Query.Nearest(terms, using="bm25")
            lists["sparse"] = request(by_words, [])
            # Among the chunks that define a name or belong to a named file, words decide.
            if definitions:
                match = FieldCondition("definitions", match=MatchAny(list(definitions)))
                lists["defined"] = request(by_words, [match])
            if stems:
                match = FieldCondition("stem", match=MatchAny(list(stems)))
                lists["stem"] = request(by_words, [match])
        if not lists:
            return CandidateLists()
        with self._shards.open(collection) as shard:
            answers = shard.query_batch(QueryBatchRequest(list(lists.values())))
        return CandidateLists(
            **{
                name: tuple(to_candidate(p.id, p.payload, p.score) for p in answer)
                for name, answer in zip(lists, answers, strict=True)
            }
        )


def _conditions(where: Filter) -> list[Any]:
    from qdrant_edge import FieldCondition, MatchAny, MatchValue

    conditions: list[Any] = []
    if where.repos is not None:
        conditions.append(FieldCondition("repo", match=MatchAny(list(where.repos))))
    if where.language is not None:
        conditions.append(FieldCondition("language", match=MatchValue(where.language)))
    if where.paths is not None:
        conditions.append(FieldCondition("path", match=MatchAny(list(where.paths))))
    return conditions


def _dense(record: Any) -> FloatArray:
    return np.asarray(record.vector["dense"], dtype=np.float32)
