"""What the static model reads of a text: terms with weights. Training and use share this.

The terms are those that BM25 counts (:mod:`harness.models.lexical`). A term that the model does
not know is read by its letters: hashed runs of three and four of them, so that a misspelt, a
derived or a compound word lands near its relatives, and by its own hash, so that two texts that
share an unknown name are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt

from harness.models.lexical import K1, count_words, word_parts

_Number = TypeVar("_Number", float, npt.NDArray[np.float64])

VERSION = "terms-1"
"""Changes with anything below that changes a weight; a model file names the one it was trained
with."""

PATH_WEIGHT = 0.7
"""What a word of the path counts next to one of the code: heavier paths help in small packages
and hurt in whole repositories (docs/embedding-model.md)."""

GRAM_SIZES = (3, 4)
COMPOUND = "="
"""Comes in no term, since terms are letters, digits and underscores."""

_SHORTEST_FOR_GRAMS = 4
_LONGEST_FOR_GRAMS = 32
"""Letters; longer words are hashes and encoded data."""


def document_terms(text: str) -> dict[str, float]:
    """Terms of a passage with their weights, :func:`saturated`, in the order in which their rows
    are added up; :mod:`harness.models.term_counts` counts those of many passages at once.

    :param text: the first line is the header ``path | symbol`` of
        :mod:`harness.index.embedded_text`, whose path counts less.
    """
    path, below = header_parts(text)
    words = _count(below)
    counts = dict(_path_counts(path))
    for term in counts.keys() & words.keys():
        counts[term] += words.pop(term)
    counts.update(words)
    return {term: saturated(tf) for term, tf in counts.items()}


def header_parts(text: str) -> tuple[str, str]:
    """The path of a passage, and the rest: the symbol and what is below the header.

    :param text: as for :func:`document_terms`, with or without the code.
    """
    head, _, code = text.partition("\n")
    path, _, symbol = head.partition(" | ")
    return path, f"{symbol}\n{code}"


def saturated(tf: _Number) -> _Number:
    """What a term counts, one number or an array: ``tf (k1 + 1) / (tf + k1)``, as BM25 without
    length.

    :param tf: how often it occurs.
    """
    return tf * (K1 + 1.0) / (tf + K1)


@lru_cache(maxsize=1 << 10)
def _path_counts(path: str) -> tuple[tuple[str, float], ...]:
    return tuple((term, count * PATH_WEIGHT) for term, count in _count(path).items())


def query_terms(text: str) -> dict[str, float]:
    """Terms of a question with their weights: once or several times makes little difference.

    :param text: a question, a name, or both.
    """
    return {term: saturated(tf) for term, tf in _count(text).items()}


def _count(text: str) -> dict[str, float]:
    """How often each term occurs in a text."""
    counts: dict[str, float] = {}
    for word, count in count_words(text).items():
        for term in marked_parts(word):
            counts[term] = counts.get(term, 0.0) + count
    return counts


@lru_cache(maxsize=1 << 16)
def marked_parts(word: str) -> tuple[str, ...]:
    """Terms of one word; a name made of several words is marked with ``COMPOUND``, because it is
    known by its parts and need not be read by its letters.

    :param word: as :func:`harness.models.lexical.whole_words` gives it.
    """
    terms = word_parts(word)
    return (COMPOUND + terms[0], *terms[1:]) if len(terms) > 1 else terms


def grams(term: str) -> list[str]:
    """Runs of letters of an unknown term, its beginning and end marked; empty for names made of
    several words, for short words and for very long ones.

    :param term: as :func:`document_terms` gives it.
    """
    if term[:1] == COMPOUND or not _SHORTEST_FOR_GRAMS <= len(term) <= _LONGEST_FOR_GRAMS:
        return []
    framed = f"<{term}>"
    return [
        framed[at : at + size]
        for size in GRAM_SIZES
        for at in range(len(framed) - size + 1)
    ]  # fmt: skip


def term_hash(term: str) -> int:
    """The uint32 that stands for a term or a run of letters in a model file: CRC-32.

    :param term: as :func:`document_terms` or :func:`grams` gives it.
    """
    return crc32(term.encode("utf-8", "surrogatepass"))


def term_rows(
    term: str, known: Mapping[int, int], buckets: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The rows of a model's table that stand for a term, and each one's share.

    :param term: as :func:`document_terms` gives it.
    :param known: row by hash of the known terms; they come first in the table.
    :param buckets: rows after them.
    :returns: one row for a known term; for others its bucket, and those of its runs of letters,
        which count together as much as one vector of chance would: ``1 / sqrt(n)`` each.
    """
    code = term_hash(term)
    row = known.get(code)
    if row is not None:
        return (row,), (1.0,)
    runs = grams(term)
    # The same for ASCII, in half of the time: a name that is not known has a dozen.
    codes = [code, *(map(crc32, map(str.encode, runs)) if term.isascii() else map(term_hash, runs))]
    share = (len(codes) - 1) ** -0.5 if len(codes) > 1 else 0.0
    first = len(known)
    rows = tuple([first + code % buckets for code in codes])
    return rows, (1.0, *[share] * (len(codes) - 1))
