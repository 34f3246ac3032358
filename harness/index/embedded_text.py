"""What the embedding model reads of a chunk: a line that says where it is from, then its code.

A chunk alone often lacks the words people ask with; they stand in the path and in the names of
the definitions around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from harness.types import Chunk

PASSAGE_VERSION = "path-symbol-1"
"""Changes with the format below; part of an index's fingerprint."""

SYMBOL_RESERVE = 16
"""Tokens kept free for the symbol, which is not known yet when a chunk's size is decided."""


def header(path: str, symbol: str) -> str:
    """The line above the code: ``path | Class.method``.

    :param path: the file, relative to the repository, with ``/``.
    :param symbol: path of enclosing definitions; may be empty.
    """
    return f"{path} | {symbol}" if symbol else path


def embedding_text(path: str, chunk: Chunk) -> str:
    """Text of which a chunk's vector is made; not what is stored or shown.

    :param path: the file, relative to the repository, with ``/``.
    :param chunk: a chunk of that file.
    """
    return f"{header(path, chunk.symbol)}\n{chunk.text}"


class TokenWindow(Protocol):
    """What chunking has to know of an embedding model; a part of
    :class:`harness.models.protocols.Embedder`."""

    @property
    def max_tokens(self) -> int:
        """Tokens of one text that the model reads; 0: all of them."""

    def count_tokens(self, text: str) -> int | None:
        """Tokens of a text; None: not known."""


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a model for which every text has as many ``tokens``, for another process."""

    max_tokens: int
    tokens: int | None

    def count_tokens(self, text: str) -> int | None:
        """The same for every text."""
        return self.tokens


def is_light(embedder: TokenWindow) -> bool:
    """Whether a model takes next to no time: one that reads texts of any length adds up what it
    knows of their words and runs no network."""
    return embedder.max_tokens == 0


def window_check(embedder: TokenWindow, path: str) -> Callable[[str], bool] | None:
    """A test for the chunker: does the model read this text together with its header?

    :param path: the file that is being cut.
    :returns: None when the model's tokenizer is out of reach: the chunker then estimates.
    """
    if embedder.max_tokens == 0:
        return lambda text: True
    head = embedder.count_tokens(header(path, ""))
    if head is None:
        return None
    window = embedder.max_tokens
    room = max(window // 2, window - head - SYMBOL_RESERVE)

    def fits(text: str) -> bool:
        # A token holds at least one byte, so short texts need no tokenizer.
        return len(text) * 4 <= room or (embedder.count_tokens(text) or 0) <= room

    return fits
