"""Qdrant Edge: Qdrant's own engine in the process, one shard a collection.

Edge allows one process at a time. The shard is therefore opened for each operation under an
advisory file lock (released by the kernel however the holder ends) and closed again: nothing
is held while files are parsed or embedded, and a search during an index run waits for one
write at most.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from harness.errors import StoreBusyError, StoreError
from harness.store.payload import TENANT_INDEX, to_candidate, to_payload
from harness.store.protocol import ALIAS
from harness.store.records import Records
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

# Below some hundred thousand points an exact scan is fast (9 ms at 100k) and HNSW with default
# settings loses recall, so the optimizer must not build it. Unit: kilobytes of vectors.
_INDEXING_THRESHOLD_KB = 10**9
# Each index costs time at every opening; these are the ones that lookups and filters need. Without
# one a condition is checked against every payload on disk (0.3 s at 20k points, with it 0.02 s).
_KEYWORD_INDEXES = ("path", "stem", "definitions", "embed_hash")
_POINTS_PER_UPSERT = 512
_SCROLL_PAGE = 1000


class EdgeStore:
    """A folder with one Edge shard a collection and ``records.sqlite``.

    :param root: the folder; created with mode 0700.
    :param lock_timeout_seconds: how long an operation waits for another process.
    """

    engine = "edge"

    def __init__(self, root: Path, lock_timeout_seconds: float = 60.0) -> None:
        self._root = root
        self._lock_timeout_seconds = lock_timeout_seconds
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(
                f"cannot write to {root} ({error.strerror}); set HARNESS_DATA_DIR to a folder "
                "that can be written"
            ) from error
        self._records = Records(root / "records.sqlite", lock_timeout_seconds)

    def close(self) -> None:
        """Nothing stays open between operations."""

    def describe(self) -> str:
        """See the Protocol."""
        for manifest in self.manifests():
            with self._shard(manifest.collection):
                pass  # opens, so it is whole
        return f"Qdrant Edge in {self._root}"

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store's lock; the holder's pid is written beside it for others' messages.

        :raises StoreBusyError: another process held it for the whole time-out.
        """
        holder = self._root / "holder"
        lock = filelock.FileLock(self._root / "lock", thread_local=False, mode=0o600)
        try:
            lock.acquire(timeout=self._lock_timeout_seconds, poll_interval=0.01)
        except filelock.Timeout:
            pid = "unknown"
            with contextlib.suppress(OSError):
                pid = holder.read_text().strip() or pid
            raise StoreBusyError(
                f"the index in {self._root} was held by process {pid} for more than "
                f"{self._lock_timeout_seconds:g} s; wait for it or end it"
            ) from None
        try:
            with contextlib.suppress(OSError):  # only for messages: a full disk must not stop reads
                holder.write_text(f"{os.getpid()}\n")
            yield
        finally:
            lock.release()

    @contextmanager
    def _shard(self, collection: str) -> Iterator[Any]:
        from qdrant_edge import EdgeShard

        folder = self._root / collection
        with self.exclusive():
            if not folder.is_dir():
                raise StoreError(f"collection {collection} is missing; run `harness index --full`")
            try:
                shard = EdgeShard.load(str(folder))
            except Exception as error:  # the binding raises plain Exceptions
                raise StoreError(
                    f"collection {collection} cannot be opened ({_first_line(error)}); restore a "
                    "backup or run `harness index --full`"
                ) from error
            try:
                yield shard
            except StoreError:
                raise
            except Exception as error:
                raise StoreError(
                    f"the index refused an operation ({_first_line(error)}); check the disk's space"
                ) from error
            finally:
                shard.close()

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        """See :class:`harness.store.protocol.VectorStore`."""
        from qdrant_edge import (
            Distance,
            EdgeConfig,
            EdgeOptimizersConfig,
            EdgeShard,
            EdgeSparseVectorParams,
            EdgeVectorParams,
            KeywordIndexParams,
            Modifier,
            PayloadSchemaType,
            UpdateOperation,
        )

        folder = self._root / manifest.collection
        if any(m.collection == manifest.collection for m in self.manifests()) and folder.is_dir():
            return
        with self.exclusive():
            if folder.is_dir() and any(
                m.collection == manifest.collection for m in self.manifests()
            ):
                return
            # A folder that is not recorded is what a killed creation left behind.
            shutil.rmtree(folder, ignore_errors=True)
            building = self._root / f".{manifest.collection}.building"
            shutil.rmtree(building, ignore_errors=True)
            try:
                building.mkdir(mode=0o700)
                shard = EdgeShard.create(
                    str(building),
                    EdgeConfig(
                        vectors={"dense": EdgeVectorParams(manifest.dimension, Distance.Cosine)},
                        sparse_vectors={"bm25": EdgeSparseVectorParams(modifier=Modifier.Idf)},
                        optimizers=EdgeOptimizersConfig(indexing_threshold=_INDEXING_THRESHOLD_KB),
                    ),
                )
                tenant = KeywordIndexParams(is_tenant=True)
                shard.update(UpdateOperation.create_field_index(TENANT_INDEX, tenant))
                for key in _KEYWORD_INDEXES:
                    shard.update(UpdateOperation.create_field_index(key, PayloadSchemaType.Keyword))
                shard.close()
                building.rename(folder)
            except Exception as error:
                shutil.rmtree(building, ignore_errors=True)
                raise StoreError(
                    f"cannot create a collection in {self._root} ({_first_line(error)}); check the "
                    "disk's space and permissions"
                ) from error
            self._records.add_collection(manifest)

    def manifests(self) -> list[Manifest]:
        """See the Protocol."""
        return self._records.manifests()

    def drop_collection(self, collection: str) -> None:
        """See the Protocol."""
        with self.exclusive():
            self._records.drop_collection(collection)
            shutil.rmtree(self._root / collection, ignore_errors=True)

    def set_alias(self, collection: str) -> None:
        """See the Protocol."""
        self._records.set_alias(ALIAS, collection)

    def alias_target(self) -> str | None:
        """See the Protocol."""
        return self._records.alias_target(ALIAS)

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
        with self._shard(collection) as shard:
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
        with self._shard(collection) as shard:
            shard.update(UpdateOperation.delete_points_by_filter(where))

    def compact(self, collection: str) -> None:
        """See the Protocol."""
        with self._shard(collection) as shard:
            shard.optimize()

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        """See the Protocol."""
        from qdrant_edge import CountRequest
        from qdrant_edge import Filter as EdgeFilter

        where = None if repo is None else EdgeFilter(must=_conditions(Filter(repos=(repo,))))
        with self._shard(collection) as shard:
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
        with self._shard(collection) as shard:
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
        with self._shard(collection) as shard:
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
        with self._shard(collection) as shard:
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


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
