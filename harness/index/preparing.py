"""Reading and chunking a batch of planned files: what needs neither model server nor store."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import chunking
from harness.index import embedded_text
from harness.index.planning import Batch, IndexPlan, max_chars
from harness.models import lexical
from harness.repository.content import SourceText, read_source
from harness.types import Chunk, Embedder, SkipReason, SourceFile, SparseVector

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file, chunked but not embedded; ``hashes``, (chunk hash, embed hash), and ``words`` go
    with the chunks."""

    source: SourceFile
    content_id: str
    chunks: tuple[Chunk, ...]
    hashes: tuple[tuple[str, str], ...]
    words: tuple[SparseVector, ...] = ()
    skip_reason: SkipReason | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A batch that needs no more reading. ``recorded_ns`` was taken before the first read."""

    batch: Batch
    files: tuple[PreparedFile, ...]
    recorded_ns: int


def prepare_batch(plan: IndexPlan, batch: Batch, embedder: Embedder) -> PreparedBatch:
    """Read and chunk the files of a batch; touches neither model server nor store."""
    recorded_ns = time.time_ns()
    limit = max_chars(embedder)
    count = getattr(embedder, "count_tokens", None)
    files = tuple(
        _prepare_file(plan, source, limit, count, embedder.max_tokens) for source in batch.files
    )
    return PreparedBatch(batch, files, recorded_ns)


def _prepare_file(
    plan: IndexPlan,
    source: SourceFile,
    limit: int,
    count: Callable[[str], int] | None,
    max_tokens: int,
) -> PreparedFile:
    read = read_source(Path(plan.root), source, plan.max_file_bytes)
    if not isinstance(read, SourceText):
        return PreparedFile(source, source.content_id or "", (), (), skip_reason=read)
    fits = embedded_text.window_check(count, max_tokens, source.path) if count else None
    try:
        chunks = tuple(chunking.chunk_text(source.path, read.text, max_chars=limit, fits=fits))
    except Exception as error:  # one strange file must not stop the others
        logger.warning("%s: cannot be chunked: %s", source.path, error)
        return PreparedFile(source, read.content_id, (), (), error=f"cannot be chunked: {error}")
    hashes = tuple(
        (
            _hash(f"{chunk.language}\0{chunk.symbol}\0{chunk.text}"),
            _hash(embedded_text.embedding_text(source.path, chunk)),
        )
        for chunk in chunks
    )
    words = tuple(lexical.document_vector(c.text, source.path, c.symbol) for c in chunks)
    return PreparedFile(source, read.content_id, chunks, hashes, words)


def _hash(text: str) -> str:
    """128 bits of SHA-256: a collision would give one chunk another's vector."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
