"""A Qdrant server through ``qdrant-client``.

Beside each collection of chunks lies ``<collection>-files`` with its file records, and one
``harness-catalog`` holds manifests and repositories: collections without vectors, so that the
index is whole in one place and needs no database of its own.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.errors import ServiceUnavailableError, StoreError
from harness.store.payload import KEYWORD_INDEXES, TENANT_INDEX, to_candidate, to_payload
from harness.store.protocol import ALIAS
from harness.store.records import record_from_json
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

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

logger = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")

CATALOG = "harness-catalog"
_FILES_SUFFIX = "-files"
_NAMESPACE = uuid.UUID("a9b1a0f5-6f0e-5d54-9a0a-3f6b1f0c7a11")
# From this size on int8 quantization saves memory that matters; originals then lie on disk.
QUANTIZE_FROM_POINTS = 50_000
# The server's default request limit is 32 MB; a point's JSON is a few times its float32 size.
_MAX_UPSERT_BYTES = 8_000_000
_SCROLL_PAGE = 1000
_READ_ATTEMPTS = 3


class QdrantStore:
    """See :class:`harness.store.protocol.VectorStore`.

    :param client: a connected client; ``QdrantClient(":memory:")`` works for tests.
    :param address: how messages name the server.
    """

    engine = "qdrant"

    def __init__(self, client: QdrantClient, address: str) -> None:
        self._client = client
        self._address = address

    def close(self) -> None:
        """Release the connection."""
        self._client.close()

    def describe(self) -> str:
        """See the Protocol. ``yellow`` and ``grey`` are optimizations under way or due."""
        version = self._call(self._client.info).version
        for manifest in self.manifests():
            name = manifest.collection
            info = self._call(lambda name=name: self._client.get_collection(name))  # type: ignore[misc]
            if str(info.status.value) == "red":
                raise StoreError(
                    f"collection {name} on {self._address} is red; look at the server's log, or "
                    "restore a backup"
                )
        return f"Qdrant {version} at {self._address}"

    def _call(self, operation: Callable[[], ResultT]) -> ResultT:
        """Run one request; every one is idempotent, so a broken connection is tried again."""
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                return operation()
            except Exception as error:
                translated = translate(error, self._address)
                if not isinstance(translated, ServiceUnavailableError) or attempt == _READ_ATTEMPTS:
                    raise translated from error
                logger.warning("%s; attempt %d of %d", translated, attempt, _READ_ATTEMPTS)
                time.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable")

    # Collections

    def _exists(self, name: str) -> bool:
        return bool(self._call(lambda: self._client.collection_exists(name)))

    def _ensure_records(self, name: str, keys: Sequence[str]) -> None:
        from qdrant_client import models

        if self._exists(name):
            return
        self._create(name, vectors_config={}, on_disk_payload=True)
        for key in keys:
            self._call(
                lambda key=key: self._client.create_payload_index(  # type: ignore[misc]
                    name, key, models.PayloadSchemaType.KEYWORD
                )
            )

    def _create(self, name: str, **config: Any) -> None:
        try:
            self._call(lambda: self._client.create_collection(name, **config))
        except StoreError:
            if not self._exists(name):  # else another process was quicker
                raise

    def ensure_collection(self, manifest: Manifest) -> None:
        """See the Protocol. Payload indexes are made before the first point."""
        from qdrant_client import models

        name = manifest.collection
        self._ensure_records(CATALOG, ["type"])
        known = {m.collection: m for m in self.manifests()}
        if name in known and known[name] != manifest:
            raise StoreError(f"collection {name} was made by another fingerprint; drop it first")
        if not self._exists(name):
            self._create(
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
        self._ensure_records(f"{name}{_FILES_SUFFIX}", ["repo", "path"])
        if name not in known:
            tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
            self._call(
                lambda: self._client.create_payload_index(name, TENANT_INDEX, field_schema=tenant)
            )
            for key in KEYWORD_INDEXES:
                self._call(
                    lambda key=key: self._client.create_payload_index(  # type: ignore[misc]
                        name, key, models.PayloadSchemaType.KEYWORD
                    )
                )
            self._put_catalog("manifest", name, asdict(manifest))

    def manifests(self) -> list[Manifest]:
        """See the Protocol."""
        found = [Manifest(**data) for data in self._catalog("manifest")]
        return sorted(found, key=lambda manifest: manifest.collection)

    def drop_collection(self, collection: str) -> None:
        """See the Protocol."""
        self._delete_catalog("manifest", collection)
        for name in (collection, f"{collection}{_FILES_SUFFIX}"):
            self._call(lambda name=name: self._client.delete_collection(name))  # type: ignore[misc]

    def set_alias(self, collection: str) -> None:
        """See the Protocol. One request deletes and creates: the server applies both at once."""
        from qdrant_client import models

        target = self.alias_target()
        if target == collection:
            return
        operations: list[Any] = []
        if target is not None:
            operations.append(
                models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=ALIAS))
            )
        operations.append(
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=collection, alias_name=ALIAS)
            )
        )
        self._call(lambda: self._client.update_collection_aliases(operations))

    def alias_target(self) -> str | None:
        """See the Protocol."""
        aliases = self._call(self._client.get_aliases).aliases
        return next((a.collection_name for a in aliases if a.alias_name == ALIAS), None)

    # Records without vectors

    def _catalog(self, record_type: str) -> list[dict[str, Any]]:
        if not self._exists(CATALOG):
            return []
        where = {"type": record_type}
        return [json.loads(p.payload["record"]) for p in self._scroll(CATALOG, where)]

    def _put_catalog(self, record_type: str, key: str, data: Mapping[str, Any]) -> None:
        payload = {"type": record_type, "key": key, "record": json.dumps(data)}
        self._put_payloads(CATALOG, [(record_id(record_type, key), payload)])

    def _delete_catalog(self, record_type: str, key: str) -> None:
        from qdrant_client import models

        if self._exists(CATALOG):
            selector = models.PointIdsList(points=[record_id(record_type, key)])
            self._call(lambda: self._client.delete(CATALOG, selector, wait=True))

    def _put_payloads(self, name: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
        from qdrant_client import models

        for start in range(0, len(rows), _SCROLL_PAGE):
            points = [
                models.PointStruct(id=point_id, vector={}, payload=payload)
                for point_id, payload in rows[start : start + _SCROLL_PAGE]
            ]
            self._call(lambda points=points: self._client.upsert(name, points, wait=True))  # type: ignore[misc]

    def repositories(self) -> list[RepositoryRecord]:
        """See the Protocol."""
        found = [RepositoryRecord(**data) for data in self._catalog("repository")]
        return sorted(found, key=lambda record: record.name)

    def put_repository(self, record: RepositoryRecord) -> None:
        """See the Protocol."""
        self._ensure_records(CATALOG, ["type"])
        self._put_catalog("repository", record.name, asdict(record))

    def delete_repository(self, name: str) -> None:
        """See the Protocol."""
        self._delete_catalog("repository", name)

    def file_records(self, collection: str, repo: str) -> dict[str, FileRecord]:
        """See the Protocol."""
        name = f"{collection}{_FILES_SUFFIX}"
        records = [
            record_from_json(p.payload["record"]) for p in self._scroll(name, {"repo": repo})
        ]
        return {record.path: record for record in sorted(records, key=lambda r: r.path)}

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        """See the Protocol."""
        rows = [
            (
                record_id(record.repo, record.path),
                {"repo": record.repo, "path": record.path, "record": json.dumps(asdict(record))},
            )
            for record in records
        ]
        self._put_payloads(f"{collection}{_FILES_SUFFIX}", rows)

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        """See the Protocol."""
        where = Filter(repos=(repo,), paths=None if paths is None else tuple(paths))
        self._delete(f"{collection}{_FILES_SUFFIX}", where)

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
                self._upsert(collection, batch)
                batch, size = [], 0
        if batch:
            self._upsert(collection, batch)

    def _upsert(self, collection: str, batch: list[Any]) -> None:
        # wait: the files' records follow and promise that the chunks are there.
        self._call(lambda: self._client.upsert(collection, batch, wait=True))

    def _delete(self, name: str, where: Filter, keep_ids: Iterable[str] = ()) -> None:
        from qdrant_client import models

        if where.paths is not None and not where.paths:
            return
        kept: list[Any] = list(keep_ids)
        selector = models.FilterSelector(
            filter=models.Filter(
                must=_conditions(where),
                must_not=[models.HasIdCondition(has_id=kept)] if kept else None,
            )
        )
        self._call(lambda: self._client.delete(name, selector, wait=True))

    def delete_chunks(
        self,
        collection: str,
        repo: str,
        paths: Sequence[str] | None = None,
        keep_ids: Iterable[str] = (),
    ) -> None:
        """See the Protocol."""
        where = Filter(repos=(repo,), paths=None if paths is None else tuple(paths))
        self._delete(collection, where, keep_ids)

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        """See the Protocol."""
        from qdrant_client import models

        where = models.Filter(must=_conditions(Filter(repos=(repo,)))) if repo else None
        return int(
            self._call(lambda: self._client.count(collection, count_filter=where, exact=True)).count
        )

    def compact(self, collection: str) -> None:
        """See the Protocol. The server merges on its own; large collections get int8 vectors."""
        from qdrant_client import models

        if self.count_chunks(collection) < QUANTIZE_FROM_POINTS:
            return
        info = self._call(lambda: self._client.get_collection(collection))
        if info.config.quantization_config is not None:
            return
        logger.info("collection %s: int8 quantization, originals on disk", collection)
        self._call(
            lambda: self._client.update_collection(
                collection,
                vectors_config={"dense": models.VectorParamsDiff(on_disk=True)},
                quantization_config=models.ScalarQuantization(
                    scalar=models.ScalarQuantizationConfig(
                        type=models.ScalarType.INT8, quantile=0.99, always_ram=True
                    )
                ),
            )
        )

    def _scroll(
        self, name: str, where: Filter | Mapping[str, str] | Any, vectors: Any = False
    ) -> Iterator[Any]:
        from qdrant_client import models

        if isinstance(where, Mapping):
            must: list[Any] = [
                models.FieldCondition(key=key, match=models.MatchValue(value=value))
                for key, value in where.items()
            ]
        else:
            must = where if isinstance(where, list) else _conditions(where)
        offset: Any = None
        while True:
            page, offset = self._call(
                lambda offset=offset: self._client.scroll(  # type: ignore[misc]
                    name,
                    scroll_filter=models.Filter(must=must),
                    limit=_SCROLL_PAGE,
                    offset=offset,
                    with_payload=True,
                    with_vectors=vectors,
                )
            )
            yield from page
            if offset is None:
                return

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
            p.payload["embed_hash"]: _dense(p) for p in self._scroll(collection, must, ["dense"])
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
            for p in self._scroll(collection, where, ["dense"])
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

        conditions = _conditions(where)
        lists: dict[str, Any] = {}

        def request(vector: Any, using: str, extra: list[Any]) -> Any:
            must = [*conditions, *extra]
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
        answers = self._call(
            lambda: self._client.query_batch_points(collection, list(lists.values()))
        )
        return CandidateLists(
            **{
                name: tuple(to_candidate(p.id, p.payload, p.score) for p in answer.points)
                for name, answer in zip(lists, answers, strict=True)
            }
        )


def record_id(kind: str, key: str) -> str:
    """Point id of a record: uuid5 of both parts."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}\0{key}"))


def _conditions(where: Filter) -> list[Any]:
    from qdrant_client import models

    conditions: list[Any] = []
    for key, values in (("repo", where.repos), ("path", where.paths)):
        if values is not None:
            match = models.MatchAny(any=list(values))
            conditions.append(models.FieldCondition(key=key, match=match))
    if where.language is not None:
        match_language = models.MatchValue(value=where.language)
        conditions.append(models.FieldCondition(key="language", match=match_language))
    return conditions


def _dense(point: Any) -> FloatArray:
    return np.asarray(point.vector["dense"], dtype=np.float32)


def translate(error: Exception, address: str) -> StoreError | ServiceUnavailableError:
    """Map an exception of ``qdrant-client`` onto Harness' tree."""
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    status: int | None = None
    detail = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if isinstance(error, UnexpectedResponse):
        status = error.status_code
        detail = bytes(error.content or b"").decode(errors="replace")[:200] or detail
    elif isinstance(error, ResponseHandlingException):
        status = 503
        detail = str(error.source)[:200]
    else:
        code = getattr(error, "code", None)  # grpc.RpcError
        name = getattr(code() if callable(code) else None, "name", "")
        detail = str(getattr(error, "details", lambda: detail)())[:200]
        if name in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}:
            status = 503
        elif name in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
            status = 401 if name == "UNAUTHENTICATED" else 403
    if status in {401, 403}:
        # 403 is also the answer to a good key that may only read.
        wanted = " to one that may write" if status == 403 else ""
        return StoreError(f"Qdrant at {address} refused the API key; set QDRANT_API_KEY{wanted}")
    if status in {408, 429, 502, 503, 504}:
        return ServiceUnavailableError(
            f"Qdrant at {address} did not answer ({detail}); start it or correct "
            "QDRANT_HOST/QDRANT_URL"
        )
    return StoreError(f"Qdrant at {address} refused an operation: {detail}")
