"""An embedder for tests of everything around embedding: no model, vectors from hashed words.

It implements :class:`harness.models.protocols.Embedder`, counts what it embeds, and fails when
told to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from harness.errors import ModelMismatchError
from harness.models import lexical
from harness.types import FloatArray


class HashEmbedder:
    """Texts that share words have similar vectors; ``failures`` are raised one a call first."""

    engine = "test"
    document_prefix = ""
    query_prefix = ""
    max_tokens = 256

    def __init__(self, dimension: int = 32, model: str = "hash") -> None:
        self.model = model
        self._dimension = dimension
        self.embedded: list[str] = []
        self.failures: list[Exception] = []
        self.fail_when: str | None = None

    @property
    def digest(self) -> str:
        """Depends on model and dimension only."""
        return f"{self.model}-{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """``(n, dim)`` float32, L2-normalised."""
        if self.failures:
            raise self.failures.pop(0)
        if self.fail_when and any(self.fail_when in text for text in texts):
            raise ModelMismatchError(f"cannot embed {self.fail_when!r}")
        self.embedded.extend(texts)
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self._vector(text)
        return rows

    def embed_query(self, text: str) -> FloatArray:
        """``(dim,)`` float32."""
        return self._vector(text)

    def count_tokens(self, text: str) -> int | None:
        """None: there is no tokenizer, so the chunker estimates."""
        return None

    def by_words(self) -> None:
        """None: it keeps the texts themselves."""

    def close(self) -> None:
        """Nothing is held."""

    def _vector(self, text: str) -> FloatArray:
        row = np.full(self._dimension, 1e-3, dtype=np.float32)
        for word in lexical.words(text):
            row[hashlib.md5(word.encode()).digest()[0] % self._dimension] += 1
        return row / np.linalg.norm(row)
