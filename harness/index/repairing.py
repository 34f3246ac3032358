"""Mending a damaged collection: what can be proven is kept, the rest is indexed again.

A chunk proves itself: its id, its two hashes and its lexical vector follow from its repository,
path and text. So the points that can still be read and fit together are stored anew; the files that
then lack chunks are what the next run of their repository indexes again, embedding only what is
missing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from harness.errors import StoreDamagedError
from harness.folding import fold
from harness.index.chunk_identity import chunk_hash_of, embed_hash_of, point_id
from harness.models import lexical
from harness.store.protocol import VectorStore
from harness.store.salvaging import SalvagedPoint
from harness.types import Chunk, ChunkPoint, Manifest

# Equal chunks of one file are told apart by a number; more of them than this are embedded again.
_MAX_ORDINAL = 256
# The engine stores vectors of length 1 as float32.
_NORM_TOLERANCE = 1e-3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mended:
    """A collection that was damaged. ``reason`` is what was found, ``folder`` where the damaged
    files are kept (None: there were none), ``kept`` how many chunks were read from them."""

    collection: str
    reason: str
    folder: Path | None
    kept: int

    def __str__(self) -> str:
        where = f"; the damaged files are kept in {self.folder}" if self.folder else ""
        return (
            f"the index was damaged and has been mended: {self.kept} chunks could be kept, what is "
            f"missing is embedded again{where} ({self.reason})"
        )


def mend(store: VectorStore, manifest: Manifest, *, thorough: bool) -> Mended | None:
    """Mend a collection when it is damaged.

    :param thorough: look for damage in all that is stored, else only in what opening shows.
    :returns: None when no damage was found.
    :raises StoreError: it cannot be mended here, or not be read for another reason.
    """
    try:
        if thorough:
            store.examine(manifest.collection)
        else:
            store.count_chunks(manifest.collection)
    except StoreDamagedError as error:
        reason = str(error).removesuffix("; run `harness repair`")
    else:
        return None
    logger.warning("%s; it is mended", reason)
    salvage = store.rebuild(manifest, partial(proven, manifest))
    if salvage is None:  # another process has mended it meanwhile
        return None
    return Mended(manifest.collection, reason, salvage.folder, salvage.kept)


def proven(manifest: Manifest, points: Iterator[SalvagedPoint]) -> Iterator[ChunkPoint]:
    """Those of these points in which everything fits together."""
    for point in points:
        try:
            found = _proven(manifest, point)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if found is not None:
            yield found


def _proven(manifest: Manifest, point: SalvagedPoint) -> ChunkPoint | None:
    data = point.payload
    names = tuple(str(name) for name in data["names"])
    chunk = Chunk(
        text=str(data["text"]),
        start_line=int(data["start_line"]),
        end_line=int(data["end_line"]),
        language=str(data["language"]),
        symbol=str(data["symbol"]),
        kind=str(data["kind"]),
        definitions=names,
        piece=int(data.get("piece", 0)),
    )
    repo, path = str(data["repo"]), str(data["path"])
    chunk_hash, embed_hash = chunk_hash_of(chunk), embed_hash_of(path, chunk)
    ids = (point_id(repo, path, chunk_hash, ordinal) for ordinal in range(_MAX_ORDINAL))
    length = float(np.linalg.norm(point.dense))
    fits = (
        (data["chunk_hash"], data["embed_hash"]) == (chunk_hash, embed_hash)
        and list(data["definitions"]) == [fold(name) for name in names]
        and chunk.end_line - chunk.start_line == _last_line(chunk.text)
        and point.dense.shape == (manifest.dimension,)
        and abs(length - 1.0) < _NORM_TOLERANCE
        and str(uuid.UUID(point.id)) in ids
    )
    if not fits:
        return None
    return ChunkPoint(
        id=point.id,
        repo=repo,
        path=path,
        chunk=chunk,
        chunk_hash=chunk_hash,
        embed_hash=embed_hash,
        content_id=str(data["content_id"]),
        dense=point.dense,
        sparse=lexical.document_vector(chunk.text, path, chunk.symbol),
    )


def _last_line(text: str) -> int:
    """Number of a text's last line, from 0."""
    return text.removesuffix("\n").count("\n")
