"""Reading and chunking a batch of planned files: what writes nothing and embeds nothing."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from harness.chunking.chunker import chunk_text
from harness.index import embedded_text
from harness.index.chunk_identity import chunk_hash_of, embed_hash_of
from harness.index.fingerprint import max_chars
from harness.index.planning import Batch, IndexPlan
from harness.models import lexical
from harness.models.protocols import Embedder
from harness.repository.content import SourceText, read_source
from harness.types import Chunk, SkipReason, SourceFile, SparseVector

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk that is not embedded yet. ``chunk_hash`` identifies its code and symbol,
    ``embed_hash`` the text that is embedded."""

    chunk: Chunk
    chunk_hash: str
    embed_hash: str
    lexical: SparseVector


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file, chunked but not embedded; or why it is not indexed."""

    source: SourceFile
    content_id: str
    chunks: tuple[PreparedChunk, ...] = ()
    skip_reason: SkipReason | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A batch that needs no more reading. ``recorded_ns`` was taken before the first read."""

    batch: Batch
    files: tuple[PreparedFile, ...]
    recorded_ns: int


def prepare_batch(plan: IndexPlan, batch: Batch, embedder: Embedder) -> PreparedBatch:
    """Read and chunk the files of a batch; the embedder is asked for its window and for counts.
    Writes nothing."""
    recorded_ns = time.time_ns()
    files = tuple(_prepare_file(plan, source, embedder) for source in batch.files)
    return PreparedBatch(batch, files, recorded_ns)


def _prepare_file(plan: IndexPlan, source: SourceFile, embedder: Embedder) -> PreparedFile:
    read = read_source(Path(plan.root), source, plan.max_file_bytes)
    if not isinstance(read, SourceText):
        return PreparedFile(source, source.content_id or "", skip_reason=read)
    fits = embedded_text.window_check(embedder, source.path)
    try:
        chunks = chunk_text(source.path, read.text, max_chars=max_chars(embedder), fits=fits)
    except Exception as error:  # one strange file must not stop the others
        logger.warning("%s: cannot be chunked: %s", source.path, error)
        return PreparedFile(source, read.content_id, error=f"cannot be chunked: {error}")
    return PreparedFile(source, read.content_id, tuple(_prepare(source.path, c) for c in chunks))


def _prepare(path: str, chunk: Chunk) -> PreparedChunk:
    return PreparedChunk(
        chunk=chunk,
        chunk_hash=chunk_hash_of(chunk),
        embed_hash=embed_hash_of(path, chunk),
        lexical=lexical.document_vector(chunk.text, path, chunk.symbol),
    )
