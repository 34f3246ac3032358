"""Small manifests, points and records for tests of stores."""

from __future__ import annotations

import uuid

import numpy as np

from harness.index.fingerprint import with_collection
from harness.models import lexical
from harness.types import Chunk, ChunkPoint, FileRecord, FileStatus, Manifest

DIMENSION = 8
MANIFEST = with_collection(
    Manifest("test", "model", "digest", DIMENSION, "", "", "chunker", "tokenizer", "schema")
)
COLLECTION = MANIFEST.collection


def vector(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


def point(
    path: str, text: str, *, repo: str = "repo", seed: int = 0, line: int = 1, name: str = ""
) -> ChunkPoint:
    definitions = (name,) if name else ()
    chunk = Chunk(text, line, line + text.count("\n"), "python", name, "function", definitions)
    return ChunkPoint(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{repo}/{path}/{text}")),
        repo=repo,
        path=path,
        chunk=chunk,
        chunk_hash=f"c-{text}",
        embed_hash=f"e-{path}-{text}",
        content_id="id",
        dense=vector(seed),
        sparse=lexical.document_vector(text, path, name),
    )


def record(path: str, repo: str = "repo", status: FileStatus = FileStatus.INDEXED) -> FileRecord:
    return FileRecord(repo, path, "id", 10, 20, status, 1, "", "", 1, 30)
