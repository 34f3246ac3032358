"""A Qdrant server through ``qdrant-client``: the chunks, and the collections they are in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import StoreError
from harness.store.leases import Lease
from harness.store.payload import (
    CANDIDATE_KEYS,
    KEYWORD_INDEXES,
    TENANT_INDEX,
    chunk_of,
    dense_of,
    to_candidate,
    to_payload,
)
from harness.store.protocol import VectorStore
from harness.store.qdrant_leases import QdrantLeases
from harness.store.qdrant_records import CATALOG, FILES_SUFFIX, QdrantRecords
from harness.store.qdrant_requests import QdrantRequests, conditions
from harness.store.queries import (
    MAX_VALUES,
    Match,
    RankedList,
    StoreQuery,
    candidate_lists,
    files_of,
    ranked_lists,
)
from harness.store.salvaging import Prove, Salvage
from harness.store.snapshots import Snapshots
from harness.types import CandidateLists, Chunk, ChunkPoint, FloatArray, Manifest, SparseVector

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from harness.store.qdrant_snapshot_api import SnapshotApi

logger = logging.getLogger(__name__)

# From this size on int8 quantization saves memory that matters; originals then lie on disk.
QUANTIZE_FROM_POINTS = 50_000
# How many neighbours the server's graph search keeps in view. With 100, its default, 94.0 % of the
# nearest 100 of 46,500 chunks of Django were found; with 256, 99.2 % in about the same time.
_LEAST_IN_VIEW = 256
# The server's default request limit is 32 MB; a point's JSON is a few times its float32 size.
_MAX_UPSERT_BYTES = 8_000_000


class QdrantStore(QdrantRecords, VectorStore):
    """Collections on a Qdrant server.

    :param client: a connected client; ``QdrantClient(":memory:")`` works for tests.
    :param address: URL of the server: where its snapshots are, and how messages name it.
    :param api_key: for snapshots, which the client can neither download nor upload.
    :param timeout_seconds: longest wait for a connection that is about snapshots.
    """

    engine = "qdrant"
    is_embedded = False

    def __init__(
        self,
        client: QdrantClient,
        address: str,
        api_key: str | None = None,
        timeout_seconds: float = 60.0,
    ) -> None:
        super().__init__(QdrantRequests(client, address))
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._snapshot_api: SnapshotApi | None = None
        self._leases = QdrantLeases(self.requests)

    def close(self) -> None:
        if self._snapshot_api is not None:
            self._snapshot_api.close()
        self.requests.client.close()

    def guard(self, check: Callable[[], None]) -> None:
        self.requests.before_write = check

    def lease(self, key: str) -> Lease | None:
        return self._leases.lease(key)

    def swap_lease(self, new: Lease, expected: str | None) -> bool:
        return self._leases.swap_lease(new, expected)

    def snapshots(self) -> Snapshots:
        from harness.store.qdrant_snapshot_api import SnapshotApi
        from harness.store.qdrant_snapshots import QdrantSnapshots

        if self._snapshot_api is None:
            address = self.requests.address
            self._snapshot_api = SnapshotApi(address, self._api_key, self._timeout_seconds)
        return QdrantSnapshots(self, self._snapshot_api)

    def describe(self) -> str:
        client, call = self.requests.client, self.requests.call
        version = call(client.info).version
        for manifest in self.manifests():
            info = call(partial(client.get_collection, manifest.collection))
            # "yellow" and "grey" are optimizations under way or due.
            if str(info.status.value) == "red":
                raise StoreError(
                    f"collection {manifest.collection} on {self.requests.address} is red; look at "
                    "the server's log, or restore a backup"
                )
        return f"Qdrant {version} at {self.requests.address}"

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        from qdrant_client import models

        name = manifest.collection
        self.ensure_records(CATALOG, ["type"])
        known = {m.collection: m for m in self.manifests()}
        if name in known and known[name] != manifest:
            raise StoreError(f"collection {name} was made by another fingerprint; drop it first")
        if name not in known and name in self.removals():
            self._end_removal(name)
        if not self.requests.exists(name):
            self.requests.create(
                name,
                vectors_config={
                    "dense": models.VectorParams(
                        size=manifest.dimension, distance=models.Distance.COSINE
                    )
                },
                sparse_vectors_config={
                    "bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
        files = f"{name}{FILES_SUFFIX}"
        self.ensure_records(files, ["repo", "path"], is_whole=name in known)
        if name not in known:  # indexes are made before the first point
            tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
            self.requests.index(name, TENANT_INDEX, tenant)
            for key in KEYWORD_INDEXES:
                self.requests.index(name, key)
            self.put_manifest(manifest)

    def drop_collection(self, collection: str) -> None:
        self.begin_removal(collection)
        self._end_removal(collection)

    def remove_leftovers(self) -> None:
        """Only what was begun: a collection without any record may be one that somebody is just
        making."""
        for collection in self.removals():
            self._end_removal(collection)

    def _end_removal(self, collection: str) -> None:
        for name in (collection, f"{collection}{FILES_SUFFIX}"):
            self.requests.drop(name)
        self.forget_manifest(collection)

    # Chunks

    def upsert_chunks(self, collection: str, points: Sequence[ChunkPoint]) -> None:
        from qdrant_client import models

        batch: list[Any] = []
        size = 0
        for point in points:
            batch.append(
                models.PointStruct(
                    id=point.id,
                    vector={"dense": point.dense.tolist(), "bm25": _sparse(point.sparse)},
                    payload=to_payload(point),
                )
            )
            # A float is about 12 characters in JSON, a sparse entry about 24.
            size += 12 * len(point.dense) + 24 * len(point.sparse.indices)
            size += 2 * len(point.chunk.text) + 1000
            if size >= _MAX_UPSERT_BYTES:
                self.requests.upsert(collection, batch)
                batch, size = [], 0
        if batch:
            self.requests.upsert(collection, batch)

    def delete_chunks(
        self,
        collection: str,
        repo: str,
        paths: Sequence[str] | None = None,
        keep_ids: Iterable[str] = (),
    ) -> None:
        if paths is None or paths:
            self.requests.delete(collection, files_of(repo, paths), keep_ids)

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        return self.requests.count(collection, () if repo is None else files_of(repo))

    def compact(self, collection: str) -> None:
        """Let a large collection keep int8 vectors in memory; the server merges on its own."""
        from qdrant_client import models

        if self.count_chunks(collection) < QUANTIZE_FROM_POINTS:
            return
        client, call = self.requests.client, self.requests.call
        info = call(partial(client.get_collection, collection))
        if info.config.quantization_config is not None:
            return
        logger.info("collection %s: int8 quantization, originals on disk", collection)
        int8 = models.ScalarQuantizationConfig(
            type=models.ScalarType.INT8, quantile=0.99, always_ram=True
        )
        call(
            partial(
                client.update_collection,
                collection,
                vectors_config={"dense": models.VectorParamsDiff(on_disk=True)},
                quantization_config=models.ScalarQuantization(scalar=int8),
            )
        )

    def chunks(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> Iterable[tuple[str, Chunk]]:
        found = self.requests.scroll(collection, files_of(repo, paths))
        return (chunk_of(point.payload) for point in found)

    def chunks_by_path(
        self, collection: str, repo: str, expected: Mapping[str, int] | None = None
    ) -> Mapping[str, int]:
        return self._counts(collection, "path", files_of(repo))

    def examine(self, collection: str) -> None:
        pass

    def set_records_aside(self) -> Path | None:
        self.repositories()
        return None

    def rebuild(self, manifest: Manifest, prove: Prove) -> Salvage | None:
        raise StoreError(
            f"{manifest.collection} is on {self.requests.address}; restore a backup "
            "(`harness restore`), or look at the server's own log"
        )

    def vectors_by_embed_hash(
        self, collection: str, hashes: Sequence[str]
    ) -> Mapping[str, FloatArray]:
        if not hashes:
            return {}
        where = [("embed_hash", tuple(sorted(set(hashes))))]
        found = self.requests.scroll(collection, where, ["dense"])
        return {point.payload["embed_hash"]: dense_of(point) for point in found}

    def vectors_by_chunk_hash(
        self, collection: str, repo: str, paths: Sequence[str]
    ) -> Mapping[tuple[str, str], FloatArray]:
        if not paths:
            return {}
        found = self.requests.scroll(collection, files_of(repo, paths), ["dense"])
        return {(p.payload["path"], p.payload["chunk_hash"]): dense_of(p) for p in found}

    def opened(self, collection: str) -> AbstractContextManager[None]:
        return nullcontext()

    def distinct(self, collection: str, key: str, where: Sequence[Match]) -> list[str]:
        return sorted(self._counts(collection, key, where))

    def _counts(self, collection: str, key: str, where: Sequence[Match]) -> dict[str, int]:
        from qdrant_client import models

        chosen = models.Filter(must=conditions(where)) if where else None
        ask = partial(
            self.requests.client.facet,
            collection, key, facet_filter=chosen, limit=MAX_VALUES, exact=True,
        )  # fmt: skip
        return {str(hit.value): int(hit.count) for hit in self.requests.call(ask).hits}

    def query(self, collection: str, query: StoreQuery) -> CandidateLists:
        """Answer one query; all of its lists come with one request."""
        lists = ranked_lists(query)
        if not lists:
            return CandidateLists()
        requests = [_request(one, query.limit) for one in lists]
        ask = partial(self.requests.client.query_batch_points, collection, requests)
        return candidate_lists(
            lists,
            [
                [to_candidate(point.id, point.payload, point.score) for point in answer.points]
                for answer in self.requests.call(ask)
            ],
        )


def _request(one: RankedList, limit: int) -> Any:
    from qdrant_client import models

    if isinstance(one.vector, SparseVector):
        vector, using, params = _sparse(one.vector), "bm25", None
    else:
        rescore = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
        vector, using = one.vector.tolist(), "dense"
        in_view = max(_LEAST_IN_VIEW, 2 * limit)
        params = models.SearchParams(quantization=rescore, hnsw_ef=in_view)
    where = [*conditions(one.where), *_holding(one.line)]
    return models.QueryRequest(
        query=vector,
        using=using,
        filter=models.Filter(must=where) if where else None,
        limit=limit,
        with_payload=CANDIDATE_KEYS,
        params=params,
    )


def _holding(line: int) -> list[Any]:
    """Conditions for the chunks that hold a line; none for line 0."""
    from qdrant_client import models

    if not line:
        return []
    return [
        models.FieldCondition(key="start_line", range=models.Range(lte=line)),
        models.FieldCondition(key="end_line", range=models.Range(gte=line)),
    ]


def _sparse(vector: SparseVector) -> Any:
    from qdrant_client import models

    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))
