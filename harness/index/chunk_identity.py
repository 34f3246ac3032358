"""What a chunk is called in an index: functions of what it holds and where.

Writing a chunk twice is writing it once, an unchanged text keeps its vector, and a chunk that was
read from damaged files can be proven.
"""

from __future__ import annotations

import hashlib
import uuid

from harness.index import embedded_text
from harness.types import Chunk

_POINTS = uuid.UUID("5b0f4c3e-92c1-5e3b-8f5e-0c1a5d1e7b42").bytes


def chunk_hash_of(chunk: Chunk) -> str:
    """Identifies a chunk's code and symbol, whatever file it is in."""
    return _hash(f"{chunk.language}\0{chunk.symbol}\0{chunk.text}")


def embed_hash_of(path: str, chunk: Chunk) -> str:
    """Identifies the text that is embedded for a chunk of this file."""
    return _hash(embedded_text.embedding_text(path, chunk))


def point_id(repo: str, path: str, chunk_hash: str, ordinal: int) -> str:
    """The id of a chunk's point: a UUID of version 5 (RFC 9562, section 5.5), as ``uuid.uuid5``
    makes it in three times the time.

    :param ordinal: tells equal chunks of a file apart, from 0.
    """
    name = f"{repo}\0{path}\0{chunk_hash}\0{ordinal}".encode()
    digest = hashlib.sha1(_POINTS + name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _hash(text: str) -> str:
    """128 bits of SHA-256: a collision would give one chunk another's vector."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
