"""Indexing one batch of planned files: prepared (read and chunked), embedded, stored.

Write order: a pending record for each new file, the new points, then the stale points are
deleted, then the files' records. Whatever moment a process is killed at, the next run does the
unrecorded files again, point ids being functions of the content, and search shows no holes and
no duplicates.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.engines import Engines
from harness.index import embedded_text
from harness.index.chunk_identity import point_id
from harness.index.planning import MOST_NAMED, Batch, IndexPlan
from harness.index.preparing import PreparedBatch, PreparedFile, prepare_batch
from harness.types import (
    ChunkPoint,
    FileRecord,
    FileStatus,
    FloatArray,
    SkipReason,
)

# Between two reports of progress: about a second of a model of a transformer's size.
_TEXTS_PER_STEP = 64
_TEXTS_PER_LIGHT_STEP = 1024
# Of each batch, and so of a run: nobody looks at more.
MOST_SLOW = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """What was done since the last report. ``files`` have every chunk embedded; ``size_bytes`` is
    the share of the batch's size. Negative numbers take back what a failed attempt reported."""

    files: int = 0
    chunks: int = 0
    chunks_embedded: int = 0
    size_bytes: float = 0.0


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """A batch that only has to be written, and its result once it is."""

    prepared: PreparedBatch
    points: tuple[ChunkPoint, ...]
    result: BatchResult


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch; ``failures`` are (path, error), ``left_out`` the first skipped files
    as (path, reason), ``slowest`` the files that took longest as (path, seconds), longest first:
    reading, chunking, and the file's share of embedding; writing is not in it."""

    number: int
    files_indexed: int = 0
    files_failed: int = 0
    chunks_embedded: int = 0
    chunks_reused: int = 0
    chunks_failed: int = 0
    bytes_indexed: int = 0
    embed_seconds: float = 0.0
    skipped: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    slowest: tuple[tuple[str, float], ...] = ()


def index_batch(
    plan: IndexPlan, batch: Batch, engines: Engines, on_progress: OnProgress | None = None
) -> BatchResult:
    """Read, chunk, embed and store one batch. Idempotent: it can be run again at any time.

    :raises HarnessError: the model or the store failed; :func:`is_transient` tells whether
        another try may help. One unreadable or unparsable file raises nothing: it is skipped,
        or recorded as failed.
    """
    return store_batch(plan, prepare_batch(plan, batch, engines.embedder), engines, on_progress)


def store_batch(
    plan: IndexPlan,
    prepared: PreparedBatch,
    engines: Engines,
    on_progress: OnProgress | None = None,
) -> BatchResult:
    """Embed what is not stored yet and write the batch; see the module for the order.

    :raises HarnessError: as :func:`index_batch`.
    """
    return write_batch(plan, embed_batch(plan, prepared, engines, on_progress), engines)


def embed_batch(
    plan: IndexPlan,
    prepared: PreparedBatch,
    engines: Engines,
    on_progress: OnProgress | None = None,
) -> EmbeddedBatch:
    """Find stored vectors and embed the rest; writes nothing.

    :raises HarnessError: as :func:`index_batch`.
    """
    report = on_progress or (lambda progress: None)
    good = [f for f in prepared.files if f.skip_reason is None and not f.error]
    vectors, reused = _stored_vectors(plan, good, engines)
    made = _made_vectors(good, vectors)
    vectors.update(made)
    missing = {
        prepared_chunk.embed_hash: embedded_text.embedding_text(f.source.path, prepared_chunk.chunk)
        for f in good
        for prepared_chunk in f.chunks
        if prepared_chunk.embed_hash not in vectors
    }
    # Steps are of alike lengths, so a file's chunks are in several: it counts with its last one.
    waiting = {f.source.path: {c.embed_hash for c in f.chunks} & missing.keys() for f in good}
    unread = len(prepared.files) - len(good)
    done = reused + len(made)
    to_embed = prepared.batch.size_bytes * len(missing) / max(done + len(missing), 1)
    report(
        Progress(
            files=unread + _take_done(waiting),
            chunks=done,
            chunks_embedded=len(made),
            size_bytes=prepared.batch.size_bytes - to_embed,
        )
    )
    embed_seconds = sum(f.embed_seconds for f in good)
    seconds = {f.source.path: f.seconds for f in prepared.files}
    # A text names its path, so each hash is of one file.
    path_of = {c.embed_hash: f.source.path for f in good for c in f.chunks}
    hashes = list(missing)
    # Alike lengths together: padding is what a batch of mixed lengths wastes.
    hashes.sort(key=lambda embed_hash: len(missing[embed_hash]))
    texts = _TEXTS_PER_LIGHT_STEP if embedded_text.is_light(engines.embedder) else _TEXTS_PER_STEP
    for start in range(0, len(hashes), texts):
        step = hashes[start : start + texts]
        began = time.perf_counter()
        rows = engines.embedder.embed_documents([missing[embed_hash] for embed_hash in step])
        took = time.perf_counter() - began
        embed_seconds += took
        chars = sum(len(missing[embed_hash]) for embed_hash in step)
        for embed_hash in step:
            seconds[path_of[embed_hash]] += took * len(missing[embed_hash]) / chars
        vectors.update(zip(step, rows, strict=True))
        for left in waiting.values():
            left.difference_update(step)
        share = to_embed * len(step) / len(hashes)
        report(Progress(_take_done(waiting), len(step), len(step), share))
    embedded = len(made) + len(hashes)
    failures = tuple((f.source.path, f.error) for f in prepared.files if f.error)
    left_out = tuple((f.source.path, str(f.skip_reason)) for f in prepared.files if f.skip_reason)
    result = BatchResult(
        number=prepared.batch.number,
        files_indexed=len(good),
        files_failed=len(failures),
        chunks_embedded=embedded,
        chunks_reused=sum(len(f.chunks) for f in good) - embedded,
        bytes_indexed=sum(f.source.size_bytes for f in good),
        embed_seconds=embed_seconds,
        skipped=dict(Counter(reason for _, reason in left_out)),
        failures=failures,
        left_out=left_out[:MOST_NAMED],
        slowest=slowest(seconds.items()),
    )
    points = [point for f in good for point in _points(plan, f, vectors)]
    return EmbeddedBatch(prepared, tuple(points), result)


def slowest(files: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The files that took longest, at most :data:`MOST_SLOW`, longest first; equal ones by path."""
    return tuple(sorted(files, key=lambda one: (-one[1], one[0]))[:MOST_SLOW])


def _made_vectors(
    files: Sequence[PreparedFile], stored: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Vectors by embed hash that were made when the files were read, and are not stored."""
    return {
        chunk.embed_hash: row
        for f in files
        if f.vectors is not None
        for chunk, row in zip(f.chunks, f.vectors, strict=True)
        if chunk.embed_hash not in stored
    }


def _take_done(waiting: dict[str, set[str]]) -> int:
    """Remove the files that wait for no vector any more; how many there were."""
    done = [path for path, left in waiting.items() if not left]
    for path in done:
        del waiting[path]
    return len(done)


def write_batch(plan: IndexPlan, embedded: EmbeddedBatch, engines: Engines) -> BatchResult:
    """Write a batch in the order that the module describes. Idempotent.

    :raises HarnessError: the store failed.
    """
    store = engines.store
    prepared, points = embedded.prepared, embedded.points
    pending = [
        _record(plan, f, FileStatus.PENDING, prepared.recorded_ns)
        for f in prepared.files
        if f.skip_reason is None and not f.error and f.source.path not in plan.known
    ]
    if pending:
        store.put_file_records(plan.collection, pending)
    store.upsert_chunks(plan.collection, points)
    stale = [f.source.path for f in prepared.files if f.source.path in plan.known]
    if stale:
        store.delete_chunks(plan.collection, plan.repo, stale, [point.id for point in points])
    _write_records(plan, prepared, engines)
    return embedded.result


def _stored_vectors(
    plan: IndexPlan, files: Sequence[PreparedFile], engines: Engines
) -> tuple[dict[str, FloatArray], int]:
    """Vectors by embed hash that need no embedding, and for how many chunks they serve.

    A renamed or copied file's header names another path, so its embed hashes are new; its
    vectors are those of the same text at the origin.
    """
    if plan.full or not plan.may_reuse:
        return {}, 0
    store = engines.store
    wanted = [chunk.embed_hash for f in files for chunk in f.chunks]
    vectors = dict(store.vectors_by_embed_hash(plan.collection, wanted))
    origins: dict[str, str] = {}
    for f in files:
        name = f.source.path.rpartition("/")[2]
        origin = plan.origins.get(f.content_id) or plan.origins.get(name)
        if f.source.path not in plan.known and origin:
            origins[f.source.path] = origin
    if origins:
        moved = store.vectors_by_chunk_hash(
            plan.collection, plan.repo, sorted(set(origins.values()))
        )
        for f in files:
            origin = origins.get(f.source.path)
            for chunk in f.chunks if origin else ():
                found = moved.get((origin or "", chunk.chunk_hash))
                if found is not None:
                    vectors.setdefault(chunk.embed_hash, found)
    return vectors, sum(embed_hash in vectors for embed_hash in wanted)


def _points(
    plan: IndexPlan, prepared: PreparedFile, vectors: Mapping[str, FloatArray]
) -> list[ChunkPoint]:
    """The points of one file; ordinals tell equal chunks of a file apart."""
    path = prepared.source.path
    seen: Counter[str] = Counter()
    points: list[ChunkPoint] = []
    for one in prepared.chunks:
        point = point_id(plan.repo, path, one.chunk_hash, seen[one.chunk_hash])
        seen[one.chunk_hash] += 1
        points.append(
            ChunkPoint(
                id=point,
                repo=plan.repo,
                path=path,
                chunk=one.chunk,
                chunk_hash=one.chunk_hash,
                embed_hash=one.embed_hash,
                content_id=prepared.content_id,
                dense=np.asarray(vectors[one.embed_hash], dtype=np.float32),
                sparse=one.lexical,
            )
        )
    return points


def _record(
    plan: IndexPlan, f: PreparedFile, status: FileStatus, recorded_ns: int, error: str = ""
) -> FileRecord:
    return FileRecord(
        repo=plan.repo,
        path=f.source.path,
        content_id=f.content_id,
        size_bytes=f.source.size_bytes,
        mtime_ns=f.source.mtime_ns,
        status=status,
        chunks=len(f.chunks) if status is FileStatus.INDEXED else 0,
        skip_reason=str(f.skip_reason) if f.skip_reason else "",
        error=error or f.error,
        attempts=plan.known.get(f.source.path, 0) + (status is not FileStatus.PENDING),
        recorded_ns=recorded_ns,
        run=plan.run,
    )


# A file that could not be read may be readable next time although it did not change.
NOT_RECORDED = frozenset({SkipReason.VANISHED, SkipReason.UNREADABLE})


def _write_records(plan: IndexPlan, prepared: PreparedBatch, engines: Engines) -> None:
    records: list[FileRecord] = []
    gone: list[str] = []
    for f in prepared.files:
        if f.skip_reason in NOT_RECORDED:
            if f.source.path in plan.known:
                gone.append(f.source.path)
            continue
        status = FileStatus.INDEXED
        if f.skip_reason is not None:
            status = FileStatus.SKIPPED
        elif f.error:
            status = FileStatus.FAILED
        records.append(_record(plan, f, status, prepared.recorded_ns))
    engines.store.put_file_records(plan.collection, records)
    if gone:
        engines.store.delete_file_records(plan.collection, plan.repo, gone)


def record_failed(
    plan: IndexPlan, batch: Batch, error: BaseException, engines: Engines
) -> BatchResult:
    """Record a batch that failed for good: the next run tries just these files again.

    What an earlier run stored of them stays searchable.
    """
    message = (str(error).splitlines() or [type(error).__name__])[0]
    records = [
        _record(plan, PreparedFile(source, ""), FileStatus.FAILED, time.time_ns(), message)
        for source in batch.files
    ]
    engines.store.put_file_records(plan.collection, records)
    return BatchResult(
        number=batch.number,
        files_failed=len(records),
        failures=tuple((record.path, message) for record in records),
    )
