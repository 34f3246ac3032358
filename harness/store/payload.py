"""How a chunk becomes a payload and back; the same in every engine.

====================  =====================================================================
key                   value
====================  =====================================================================
repo                  tenant: the repository's name
path, stem            the file's path, and its folded name without extension
language, kind        those of the chunk
symbol                path of enclosing definitions
definitions, names    names defined in the chunk: folded to look up, and as written
start_line, end_line  1-based, inclusive
chunk_hash            of the text alone
embed_hash            of the embedded text, header included: equal ones share a vector
content_id            git blob id of the file's content
text                  exactly the lines
piece                 of a line that was cut: which piece, from 0; absent in other chunks
====================  =====================================================================

Indexes of former versions also hold ``segments``, the parts of the path, which no query uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from harness.folding import fold
from harness.types import Candidate, Chunk, ChunkPoint, FloatArray

TENANT_INDEX = "repo"
LISTED_INDEX = "definitions"
"""The one of these keys that may have several values in a point, or none."""
KEYWORD_INDEXES = ("path", "stem", "definitions", "embed_hash", "language", "kind")
"""Keys that look-ups and filters have conditions on. Without an index, a condition is checked
against every payload on disk: 0.3 s at 20,000 points instead of 0.02 s."""


@lru_cache(maxsize=1 << 10)
def stem_of(path: str) -> str:
    """Folded file name without its last extension; that of a dotfile is the whole name."""
    name = fold(path.rpartition("/")[2])
    return name.rpartition(".")[0] or name


def to_payload(point: ChunkPoint) -> dict[str, Any]:
    """The payload of a point."""
    chunk = point.chunk
    payload = {
        "repo": point.repo,
        "path": point.path,
        "stem": stem_of(point.path),
        "language": chunk.language,
        "symbol": chunk.symbol,
        "kind": chunk.kind,
        "definitions": [fold(name) for name in chunk.definitions],
        "names": list(chunk.definitions),
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "chunk_hash": point.chunk_hash,
        "embed_hash": point.embed_hash,
        "content_id": point.content_id,
        "text": chunk.text,
    }
    if chunk.piece:
        payload["piece"] = chunk.piece
    return payload


def to_candidate(point_id: object, payload: Mapping[str, Any] | None, score: float) -> Candidate:
    """Read a point of a ranked list."""
    return Candidate(str(point_id), *repo_and_chunk(payload or {}), score)


def repo_and_chunk(data: Mapping[str, Any]) -> tuple[str, str, Chunk]:
    """Read a payload's repository, path and chunk."""
    return data["repo"], *chunk_of(data)


ChunkRow = tuple[str, int, int, str, str, str, tuple[str, ...], int]
"""The fields of a :class:`Chunk`, in their order."""


CHUNK_KEYS = [
    "path", "text", "start_line", "end_line", "language", "symbol", "kind", "names", "piece",
]  # fmt: skip
"""What :func:`chunk_of` reads."""

CANDIDATE_KEYS = ["repo", *CHUNK_KEYS]
"""What :func:`repo_and_chunk` reads: reading everything takes twice as long."""


def chunk_of(data: Mapping[str, Any]) -> tuple[str, Chunk]:
    """Read a payload's chunk, and the path of its file."""
    return data["path"], Chunk(*chunk_row(data))


def chunk_row(data: Mapping[str, Any]) -> ChunkRow:
    """Read the fields of a payload's chunk."""
    return (
        data["text"],
        data["start_line"],
        data["end_line"],
        data["language"],
        data["symbol"],
        data["kind"],
        tuple(data.get("names", ())),
        data.get("piece", 0),
    )


def dense_of(point: Any) -> FloatArray:
    """The dense vector ``(dim,)`` of a stored point that was asked for with its vectors."""
    return np.asarray(point.vector["dense"], dtype=np.float32)
