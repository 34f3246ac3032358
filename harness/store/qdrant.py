"""A Qdrant server through ``qdrant-client``: the chunks, and the collections they are in."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import StoreError
from harness.store.payload import KEYWORD_INDEXES, TENANT_INDEX, to_candidate, to_payload
from harness.store.qdrant_records import CATALOG, FILES_SUFFIX, QdrantRecords
from harness.store.qdrant_requests import QdrantRequests, conditions
from harness.types import (
    CandidateLists,
    ChunkPoint,
    Filter,
    FloatArray,
    Manifest,
    SparseVector,
)

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

logger = logging.getLogger(__name__)

# From this size on int8 quantization saves memory that matters; originals then lie on disk.
QUANTIZE_FROM_POINTS = 50_000
# The server's default request limit is 32 MB; a point's JSON is a few times its float32 size.
_MAX_UPSERT_BYTES = 8_000_000


class QdrantStore(QdrantRecords):
    """See :class:`harness.store.protocol.VectorStore`.

    :param client: a connected client; ``QdrantClient(":memory:")`` works for tests.
    :param address: how messages name the server.
    """

    engine = "qdrant"

    def __init__(self, client: QdrantClient, address: str) -> None:
        super().__init__(QdrantRequests(client, address))

    def close(self) -> None:
        """Release the connection."""
        self.requests.client.close()

    def describe(self) -> str:
        """See the Protocol. ``yellow`` and ``grey`` are optimizations under way or due."""
        version = self.requests.call(self.requests.client.info).version
        for manifest in self.manifests():
            name = manifest.collection
            info = self.requests.call(lambda name=name: self.requests.client.get_collection(name))  # type: ignore[misc]
            if str(info.status.value) == "red":
                raise StoreError(
                    f"collection {name} on {self.requests.address} is red; look at the "
                    "server's log, or restore a backup"
                )
        return f"Qdrant {version} at {self.requests.address}"

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        """See the Protocol. Payload indexes are made before the first point."""
        from qdrant_client import models

        name = manifest.collection
        self.ensure_records(CATALOG, ["type"])
        known = {m.collection: m for m in self.manifests()}
        if name in known and known[name] != manifest:
            raise StoreError(f"collection {name} was made by another fingerprint; drop it first")
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
        self.ensure_records(f"{name}{FILES_SUFFIX}", ["repo", "path"])
        if name not in known:
            tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
            self.requests.call(
                lambda: self.requests.client.create_payload_index(
                    name, TENANT_INDEX, field_schema=tenant
                )
            )
            self.requests.index_keyword(name, (*KEYWORD_INDEXES, "language"))
            self.put_manifest(manifest)

    def drop_collection(self, collection: str) -> None:
        """See the Protocol."""
        self.delete_manifest(collection)
        for name in (collection, f"{collection}{FILES_SUFFIX}"):
            self.requests.call(lambda name=name: self.requests.client.delete_collection(name))  # type: ignore[misc]

    # Chunks

    def upsert_chunks(self, collection: str, points: Sequence[ChunkPoint]) -> None:
        """See the Protocol. Batches are cut by size in bytes."""
        from qdrant_client import models

        batch: list[Any] = []
        size = 0
        for point in points:
            batch.append(
                models.PointStruct(
                    id=point.id,
                    vector={
                        "dense": point.dense.tolist(),
                        "bm25": models.SparseVector(
                            indices=list(point.sparse.indices), values=list(point.sparse.values)
                        ),
                    },
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
        """See the Protocol."""
        where = Filter(repos=(repo,), paths=None if paths is None else tuple(paths))
        self.requests.delete(collection, where, keep_ids)

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        """See the Protocol."""
        from qdrant_client import models

        where = models.Filter(must=conditions(Filter(repos=(repo,)))) if repo else None
        return int(
            self.requests.call(
                lambda: self.requests.client.count(collection, count_filter=where, exact=True)
            ).count
        )

    def compact(self, collection: str) -> None:
        """See the Protocol. The server merges on its own; large collections get int8 vectors."""
        from qdrant_client import models

        if self.count_chunks(collection) < QUANTIZE_FROM_POINTS:
            return
        info = self.requests.call(lambda: self.requests.client.get_collection(collection))
        if info.config.quantization_config is not None:
            return
        logger.info("collection %s: int8 quantization, originals on disk", collection)
        self.requests.call(
            lambda: self.requests.client.update_collection(
                collection,
                vectors_config={"dense": models.VectorParamsDiff(on_disk=True)},
                quantization_config=models.ScalarQuantization(
                    scalar=models.ScalarQuantizationConfig(
                        type=models.ScalarType.INT8, quantile=0.99, always_ram=True
                    )
                ),
            )
        )

    def vectors_by_embed_hash(
        self, collection: str, hashes: Sequence[str]
    ) -> Mapping[str, FloatArray]:
        """See the Protocol."""
        from qdrant_client import models

        if not hashes:
            return {}
        match = models.MatchAny(any=sorted(set(hashes)))
        must = [models.FieldCondition(key="embed_hash", match=match)]
        return {
            p.payload["embed_hash"]: _dense(p)
            for p in self.requests.scroll(collection, must, ["dense"])
        }

    def vectors_by_chunk_hash(
        self, collection: str, repo: str, paths: Sequence[str]
    ) -> Mapping[tuple[str, str], FloatArray]:
        """See the Protocol."""
        if not paths:
            return {}
        where = Filter(repos=(repo,), paths=tuple(paths))
        return {
            (p.payload["path"], p.payload["chunk_hash"]): _dense(p)
            for p in self.requests.scroll(collection, conditions(where), ["dense"])
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
        """See the Protocol. All lists come in one request."""
        from qdrant_client import models

        filters = conditions(where)
        lists: dict[str, Any] = {}

        def request(vector: Any, using: str, extra: list[Any]) -> Any:
            must = [*filters, *extra]
            rescore = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
            return models.QueryRequest(
                query=vector,
                using=using,
                filter=models.Filter(must=must) if must else None,
                limit=limit,
                with_payload=True,
                params=models.SearchParams(quantization=rescore) if using == "dense" else None,
            )

        if dense is not None:
            lists["dense"] = request(dense.tolist(), "dense", [])
        if sparse is not None and len(sparse.indices) > 0:
            terms = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
            lists["sparse"] = request(terms, "bm25", [])
            for name, key, values in (
                ("defined", "definitions", definitions),
                ("stem", "stem", stems),
            ):
                if values:
                    match = models.MatchAny(any=list(values))
                    extra = [models.FieldCondition(key=key, match=match)]
                    lists[name] = request(terms, "bm25", extra)
        if not lists:
            return CandidateLists()
        answers = self.requests.call(
            lambda: self.requests.client.query_batch_points(collection, list(lists.values()))
        )
        return CandidateLists(
            **{
                name: tuple(to_candidate(p.id, p.payload, p.score) for p in answer.points)
                for name, answer in zip(lists, answers, strict=True)
            }
        )


def _dense(point: Any) -> FloatArray:
    return np.asarray(point.vector["dense"], dtype=np.float32)
