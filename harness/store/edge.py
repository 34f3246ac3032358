"""Qdrant Edge: Qdrant's own engine in the process, one shard a collection, records in SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import StoreDamagedError, StoreError
from harness.store import integrity
from harness.store.answer_memory import AnswerMemory
from harness.store.edge_leases import LEASES_FILE, EdgeLeases
from harness.store.edge_making import make_shard
from harness.store.edge_memory import Memories
from harness.store.edge_points import upsert
from harness.store.edge_records import RECORDS_FILE, EdgeRecords
from harness.store.edge_requests import conditions, request, scroll
from harness.store.edge_shards import EdgeShards
from harness.store.leases import Lease
from harness.store.options import LOCK_TIMEOUT_SECONDS
from harness.store.payload import (
    CHUNK_KEYS,
    LISTED_INDEX,
    chunk_of,
    dense_of,
)
from harness.store.protocol import VectorStore
from harness.store.queries import (
    MAX_VALUES,
    Match,
    StoreQuery,
    candidate_lists,
    files_of,
    ranked_lists,
)
from harness.store.read_ahead import read_passages_ahead
from harness.store.salvaging import DAMAGED_FOLDER, Prove, Salvage
from harness.store.snapshots import Snapshots
from harness.types import (
    Candidate,
    CandidateLists,
    Chunk,
    ChunkPoint,
    FileRecord,
    FileStatus,
    FloatArray,
    Manifest,
    RepositoryRecord,
)


class EdgeStore(VectorStore):
    """A folder with one Edge shard per collection and the records in ``records.sqlite``.

    A record promises that its file's chunks are stored, so what was written to the shard is brought
    to the disk before records are.

    :param root: the folder; created with mode 0700.
    :param lock_timeout_seconds: how long an operation waits for another process.
    """

    engine = "edge"
    is_embedded = True

    def __init__(self, root: Path, lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> None:
        self._shards = EdgeShards(root, lock_timeout_seconds)
        self._records = EdgeRecords(root / RECORDS_FILE, lock_timeout_seconds)
        self._leases = EdgeLeases(root / LEASES_FILE, lock_timeout_seconds)
        self._memories = Memories()
        # The shards that were found to be whole and have been open since.
        self._examined: dict[str, object] = {}

    def close(self) -> None:
        self._shards.close()
        self._memories.clear()
        self._examined.clear()

    def leave(self) -> None:
        self._shards.leave()

    def guard(self, check: Callable[[], None]) -> None:
        self._shards.before_write = self._records.before_write = check

    def lease(self, key: str) -> Lease | None:
        return self._leases.lease(key)

    def swap_lease(self, new: Lease, expected: str | None) -> bool:
        return self._leases.swap_lease(new, expected)

    def snapshots(self) -> Snapshots:
        from harness.store.edge_snapshots import EdgeSnapshots

        return EdgeSnapshots(self._shards, self._records)

    def describe(self) -> str:
        self._records.check()
        for collection in [manifest.collection for manifest in self.manifests()]:
            shard = self._shards.shard_if_open(collection)
            # Examining closes a shard and reads all of it: searches would wait for each probe of a
            # service. What is open is ours alone, so it stays what it was found to be.
            known = shard is not None and self._examined.get(collection) is shard
            if not known or not self._shards.exists(collection):
                self.examine(collection)
                self._examined[collection] = self._shards.shard_if_open(collection)
        return f"Qdrant Edge in {self._shards.root}"

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        if self._has(manifest.collection):
            return
        with self._shards.exclusive():
            if self._has(manifest.collection):  # another process was quicker
                return
            if not self._is_whole(manifest.collection):
                make_shard(self._shards.folder(manifest.collection), manifest.dimension)
            self._records.add_collection(manifest)

    def _is_whole(self, collection: str) -> bool:
        """Whether there is a shard, sealed and undamaged, that no record knows: the records were
        lost. What a creation or a removal that was killed left has no seal, or not all files."""
        folder = self._shards.folder(collection)
        if integrity.read(folder) is None:
            return False
        try:
            self._examine(collection)
        except StoreError:
            return False
        return True

    def _has(self, collection: str) -> bool:
        recorded = any(manifest.collection == collection for manifest in self.manifests())
        return recorded and self._shards.exists(collection)

    def manifests(self) -> list[Manifest]:
        return self._records.manifests()

    def drop_collection(self, collection: str) -> None:
        with self._shards.exclusive():
            # Without a seal it is known for a leftover if this is killed.
            integrity.remove(self._shards.folder(collection))
            self._records.drop_collection(collection)
            self._shards.delete(collection)

    def remove_leftovers(self) -> None:
        if self._shards.unsealed(self._named()):
            with self._shards.exclusive():
                for collection in self._shards.unsealed(self._named()):
                    self._shards.delete(collection)

    def _named(self) -> set[str]:
        return {manifest.collection for manifest in self.manifests()}

    # Repositories and files: all in SQLite

    def repositories(self) -> list[RepositoryRecord]:
        return self._records.repositories()

    def put_repository(self, record: RepositoryRecord) -> None:
        self._records.put_repository(record)

    def delete_repository(self, name: str) -> None:
        self._records.delete_repository(name)

    def file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> dict[str, FileRecord]:
        return self._records.file_records(collection, repo, paths)

    def count_files(self, collection: str, repo: str) -> Mapping[tuple[FileStatus, str], int]:
        return self._records.count_files(collection, repo)

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        self._shards.flush(collection)
        self._records.put_file_records(collection, records)

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        self._shards.flush(collection)
        self._records.delete_file_records(collection, repo, paths)

    # Chunks

    def upsert_chunks(self, collection: str, points: Sequence[ChunkPoint]) -> None:
        if not points:
            return
        with self._shards.writing(collection) as shard:
            self._memories.forget(collection)
            upsert(shard, points)
            self._shards.compact(collection)  # nothing to do, mostly; a second each few batches

    def delete_chunks(
        self,
        collection: str,
        repo: str,
        paths: Sequence[str] | None = None,
        keep_ids: Iterable[str] = (),
    ) -> None:
        from qdrant_edge import Filter, HasIdCondition, UpdateOperation

        if paths is not None and not paths:
            return
        kept: set[Any] = set(keep_ids)
        where = Filter(
            must=conditions(files_of(repo, paths)),
            must_not=[HasIdCondition(kept)] if kept else None,
        )
        with self._shards.writing(collection) as shard:
            self._memories.forget(collection)
            shard.update(UpdateOperation.delete_points_by_filter(where))

    def compact(self, collection: str) -> None:
        self._shards.compact(collection)

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        from qdrant_edge import CountRequest, Filter

        where = None if repo is None else Filter(must=conditions(files_of(repo)))
        with self._shards.open(collection) as shard:
            return int(shard.count(CountRequest(exact=True, filter=where)))

    def chunks(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> Iterable[tuple[str, Chunk]]:
        with self._shards.open(collection) as shard:
            return [
                chunk_of(point.payload)
                for point in scroll(shard, files_of(repo, paths), CHUNK_KEYS, [])
            ]

    def chunks_by_path(
        self, collection: str, repo: str, expected: Mapping[str, int] | None = None
    ) -> Mapping[str, int]:
        with self._shards.open(collection) as shard:
            found = _counts(shard, "path", files_of(repo))
        return expected if expected is not None and found == expected else found

    def examine(self, collection: str) -> None:
        with self._shards.exclusive():
            self._check(collection)
        # Whoever examines mostly goes on to ask, so it stays open.
        with self._shards.open(collection):
            pass  # the engine can read it

    def _examine(self, collection: str) -> None:
        self._check(collection)
        with self._shards.open_held(collection):
            pass

    def _check(self, collection: str) -> None:
        folder = self._shards.folder(collection)
        if not folder.is_dir():
            raise StoreDamagedError(f"collection {collection} is missing; run `harness repair`")
        integrity.check(folder, thorough=True)

    def set_records_aside(self) -> Path | None:
        with self._shards.exclusive():
            try:
                self._records.check()
            except StoreDamagedError:
                return self._records.set_aside(self._shards.root / DAMAGED_FOLDER)
            return None

    def rebuild(self, manifest: Manifest, prove: Prove) -> Salvage | None:
        from harness.store.edge_salvage import rebuild

        with self._shards.exclusive():
            with suppress(StoreDamagedError):
                self._examine(manifest.collection)
                return None
            salvage = rebuild(self._shards, manifest, prove)
            self._records.add_collection(manifest)
        return salvage

    def vectors_by_embed_hash(
        self, collection: str, hashes: Sequence[str]
    ) -> Mapping[str, FloatArray]:
        if not hashes:
            return {}
        where = [("embed_hash", tuple(sorted(set(hashes))))]
        with self._shards.open(collection) as shard:
            return {
                point.payload["embed_hash"]: dense_of(point)
                for point in scroll(shard, where, ["embed_hash"])
            }

    def vectors_by_chunk_hash(
        self, collection: str, repo: str, paths: Sequence[str]
    ) -> Mapping[tuple[str, str], FloatArray]:
        if not paths:
            return {}
        with self._shards.open(collection) as shard:
            return {
                (point.payload["path"], point.payload["chunk_hash"]): dense_of(point)
                for point in scroll(shard, files_of(repo, paths), ["path", "chunk_hash"])
            }

    @contextmanager
    def opened(self, collection: str) -> Iterator[None]:
        with self._shards.open(collection):
            yield

    def answers(self, collection: str) -> AnswerMemory | None:
        return self._memories.answers(collection, self._shards.shard_if_open(collection))

    def distinct(self, collection: str, key: str, where: Sequence[Match]) -> list[str]:
        with self._shards.open(collection) as shard:
            memory = self._memories.of(collection, shard)
            telling = memory.telling(where)
            return list(memory.values(key, telling, lambda: _distinct(shard, key, telling)))

    def query(self, collection: str, query: StoreQuery) -> CandidateLists:
        from qdrant_edge import QueryBatchRequest

        lists = ranked_lists(query)
        if not lists:
            return CandidateLists()
        with self._shards.open(collection) as shard:
            memory = self._memories.of(collection, shard)
            if query.where.repos is not None and memory.repos() <= set(query.where.repos):
                # No point has to be looked at for that: a third of a query's time.
                lists = ranked_lists(replace(query, where=replace(query.where, repos=None)))
            requests = [request(one, query.limit) for one in lists]
            answers = [
                [(point.id, point.score) for point in answer]  # each access makes a UUID
                for answer in shard.query_batch(QueryBatchRequest(requests))
            ]
            chunks = memory.chunks({id_.int: id_ for answer in answers for id_, _ in answer})
            if memory.is_settled():
                read_passages_ahead(self._shards.folder(collection))
        return candidate_lists(
            lists,
            [[Candidate(*chunks[id_.int], score) for id_, score in answer] for answer in answers],
        )


def _distinct(shard: Any, key: str, where: Sequence[Match]) -> list[str]:
    if key in shard.info().payload_schema:
        return sorted(_counts(shard, key, where))
    return sorted({str(point.payload[key]) for point in scroll(shard, where, [key], [])})


def _counts(shard: Any, key: str, where: Sequence[Match]) -> dict[str, int]:
    """How many points have each value of a key that has an index."""
    from qdrant_edge import CountRequest, FacetRequest, Filter

    chosen = Filter(must=conditions(where)) if where else None

    def counted(exact: bool) -> dict[str, int]:
        asked = FacetRequest(key, limit=MAX_VALUES, exact=exact, filter=chosen)
        return {str(hit.value): int(hit.count) for hit in shard.facet(asked).hits if hit.count}

    # The index counts in a twentieth of the time, and at most too many: points that are deleted.
    # When the sum is that of all points, each with one value, no count can be too large.
    if key != LISTED_INDEX:
        found = counted(exact=False)
        if sum(found.values()) == shard.count(CountRequest(exact=True, filter=chosen)):
            return found
    return counted(exact=True)
