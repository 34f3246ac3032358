"""Reading and chunking a batch of planned files: what writes nothing. A model that needs no more of
a passage than its words embeds it here, where they are counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.chunking.chunker import chunk_text
from harness.index import embedded_text
from harness.index.chunk_identity import chunk_hash_of, embed_hash_of
from harness.index.embedded_text import TokenWindow
from harness.index.fingerprint import max_chars
from harness.index.planning import Batch, IndexPlan
from harness.models.protocols import Embedder, WordEmbedder
from harness.models.term_counts import count_terms
from harness.repository.content import SourceText, read_source
from harness.types import Chunk, FloatArray, SkipReason, SourceFile, SparseVector

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk and its words. ``chunk_hash`` identifies its code and symbol,
    ``embed_hash`` the text that is embedded."""

    chunk: Chunk
    chunk_hash: str
    embed_hash: str
    lexical: SparseVector


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file in chunks, or why it is not indexed. ``vectors``: those of the chunks, ``(n, dim)``,
    made within ``embed_seconds``; None when they are still to be embedded. ``seconds`` are those of
    reading and chunking, and of embedding here."""

    source: SourceFile
    content_id: str
    chunks: tuple[PreparedChunk, ...] = ()
    skip_reason: SkipReason | None = None
    error: str = ""
    vectors: FloatArray | None = field(default=None, repr=False, compare=False)
    embed_seconds: float = field(default=0.0, compare=False)
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A batch that needs no more reading. ``recorded_ns`` was taken before the first read."""

    batch: Batch
    files: tuple[PreparedFile, ...]
    recorded_ns: int


def prepare_batch(plan: IndexPlan, batch: Batch, embedder: Embedder) -> PreparedBatch:
    """Read and chunk the files of a batch; the embedder is asked for its window and for counts, and
    for vectors when it embeds by words. Writes nothing.

    :raises HarnessError: the model cannot be read.
    """
    recorded_ns = time.time_ns()
    words = embedder.by_words()
    files = prepare_files(plan.root, batch.files, plan.max_file_bytes, embedder, words)
    log_errors(files)
    return PreparedBatch(batch, files, recorded_ns)


def prepare_files(
    root: str,
    files: Sequence[SourceFile],
    max_file_bytes: int,
    window: TokenWindow,
    words: WordEmbedder | None = None,
) -> tuple[PreparedFile, ...]:
    """Read and chunk files below a folder, in their order.

    :param window: what the embedding model reads of a text.
    :param words: the model, when it embeds by words.
    :raises HarnessError: the model cannot be read.
    """
    return tuple(_timed(Path(root), file, max_file_bytes, window, words) for file in files)


def log_errors(files: Sequence[PreparedFile]) -> None:
    """Log what could not be chunked."""
    for file in files:
        if file.error:
            logger.warning("%s: %s", file.source.path, file.error)


def _timed(
    root: Path,
    source: SourceFile,
    max_file_bytes: int,
    window: TokenWindow,
    words: WordEmbedder | None,
) -> PreparedFile:
    began = time.perf_counter()
    prepared = _prepare_file(root, source, max_file_bytes, window, words)
    return replace(prepared, seconds=time.perf_counter() - began)


def _prepare_file(
    root: Path,
    source: SourceFile,
    max_file_bytes: int,
    window: TokenWindow,
    words: WordEmbedder | None,
) -> PreparedFile:
    read = read_source(root, source, max_file_bytes)
    if not isinstance(read, SourceText):
        return PreparedFile(source, source.content_id or "", skip_reason=read)
    path = source.path
    fits = embedded_text.window_check(window, path)
    try:
        chunks = chunk_text(path, read.text, max_chars=max_chars(window), fits=fits)
    except Exception as error:  # one strange file must not stop the others
        return PreparedFile(source, read.content_id, error=f"cannot be chunked: {error}")
    counts = count_terms(path, [chunk.symbol for chunk in chunks], [chunk.text for chunk in chunks])
    prepared = tuple(
        PreparedChunk(chunk, chunk_hash_of(chunk), embed_hash_of(path, chunk), vector)
        for chunk, vector in zip(chunks, counts.document_vectors(), strict=True)
    )
    if words is None:
        return PreparedFile(source, read.content_id, prepared)
    began = time.perf_counter()
    vectors = words.embed_counted(counts)
    seconds = time.perf_counter() - began
    return PreparedFile(source, read.content_id, prepared, vectors=vectors, embed_seconds=seconds)
