"""Reading and chunking a batch of planned files: what writes nothing and embeds nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.chunking.chunker import chunk_text
from harness.index import embedded_text
from harness.index.chunk_identity import chunk_hash_of, embed_hash_of
from harness.index.embedded_text import TokenWindow
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
    files = prepare_files(plan.root, batch.files, plan.max_file_bytes, embedder)
    log_errors(files)
    return PreparedBatch(batch, files, recorded_ns)


def prepare_files(
    root: str, files: Sequence[SourceFile], max_file_bytes: int, window: TokenWindow
) -> tuple[PreparedFile, ...]:
    """Read and chunk files below a folder, in their order.

    :param window: what the embedding model reads of a text.
    """
    return tuple(_prepare_file(Path(root), file, max_file_bytes, window) for file in files)


def log_errors(files: Sequence[PreparedFile]) -> None:
    """Log what could not be chunked."""
    for file in files:
        if file.error:
            logger.warning("%s: %s", file.source.path, file.error)


def _prepare_file(
    root: Path, source: SourceFile, max_file_bytes: int, window: TokenWindow
) -> PreparedFile:
    read = read_source(root, source, max_file_bytes)
    if not isinstance(read, SourceText):
        return PreparedFile(source, source.content_id or "", skip_reason=read)
    fits = embedded_text.window_check(window, source.path)
    try:
        chunks = chunk_text(source.path, read.text, max_chars=max_chars(window), fits=fits)
    except Exception as error:  # one strange file must not stop the others
        return PreparedFile(source, read.content_id, error=f"cannot be chunked: {error}")
    return PreparedFile(source, read.content_id, tuple(_prepare(source.path, c) for c in chunks))


def _prepare(path: str, chunk: Chunk) -> PreparedChunk:
    return PreparedChunk(
        chunk=chunk,
        chunk_hash=chunk_hash_of(chunk),
        embed_hash=embed_hash_of(path, chunk),
        lexical=lexical.document_vector(chunk.text, path, chunk.symbol),
    )
