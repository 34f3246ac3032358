"""Counts the terms of a file's passages, once for BM25 and for a model that embeds by words.

Words are looked up, terms counted and weights worked out for all passages of a file together, by
code that runs no Python for each of them. What comes out is, bit for bit, what
:func:`harness.models.lexical.document_vector` and
:func:`harness.models.static.terms.document_terms` say of each passage alone.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.models import lexical
from harness.models.static import terms
from harness.types import SparseVector

_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]

# Some 30 MB with all terms; a vocabulary that is full is begun anew.
_MOST_WORDS = 1 << 16


class Vocabulary(dict[str, tuple[int, ...]]):
    """Words as the numbers of their terms, which are those of :func:`terms.marked_parts`. One
    thread's: a number means nothing in another vocabulary."""

    # As a key it is itself, whatever is in it.
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.terms: list[str] = []
        self._numbers: dict[str, int] = {}
        self._ids = array("I")
        # Of words in scripts without blanks: terms that do not count for a passage's length.
        self._uncounted: dict[str, int] = {}

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids, length = lexical.word_ids(word)
        parts = terms.marked_parts(word)
        numbers = self[word] = tuple(map(self._number, parts, ids))
        if length < len(parts):
            self._uncounted[word] = len(parts) - length
        return numbers

    def _number(self, term: str, id_: int) -> int:
        number = self._numbers.setdefault(term, len(self.terms))
        if number == len(self.terms):
            self.terms.append(term)
            self._ids.append(id_)
        return number

    def ids(self, numbers: _Places) -> npt.NDArray[np.uint32]:
        """Under which terms are stored, :func:`lexical.term_id`, ``(t,)``."""
        return np.frombuffer(self._ids, np.uint32)[numbers]

    def numbers(self, text: str) -> tuple[list[int], int]:
        """The terms of a text in order, repeats included, and its length for BM25."""
        words = lexical.whole_words(text)
        found = list(chain.from_iterable(map(self.__getitem__, words)))
        if not self._uncounted or text.isascii():
            return found, len(found)
        return found, len(found) - sum(map(self._uncounted.get, words, [0] * len(words)))


_own = threading.local()


def _vocabulary() -> Vocabulary:
    """This thread's."""
    known: Vocabulary | None = getattr(_own, "vocabulary", None)
    if known is None or len(known) > _MOST_WORDS:
        known = _own.vocabulary = Vocabulary()
    return known


@dataclass(frozen=True, slots=True)
class TermCounts:
    """The different terms of each passage, one passage after another, within each in the order in
    which they first come: in the path, the symbol, the code.

    ``numbers``, ``total``, ``in_path`` and ``in_place`` are ``(t,)``: which term, how often it
    occurs, in the path, and in path and symbol. Passage ``i`` has those from ``bounds[i]`` up to
    ``bounds[i + 1]``. ``lengths`` ``(n,)`` are for BM25.
    """

    vocabulary: Vocabulary
    bounds: _Places
    numbers: _Places
    total: _Floats
    in_path: _Floats
    in_place: _Floats
    lengths: _Floats

    def document_vectors(self) -> list[SparseVector]:
        """What :func:`lexical.document_vector` gives for each passage."""
        if not len(self.numbers):
            return [SparseVector((), ())] * (len(self.bounds) - 1)
        passages = np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))
        keys = passages << 32 | self.vocabulary.ids(self.numbers)
        order = np.argsort(keys)
        keys = keys[order]
        # Two terms may have one id: a name of several words, and the same letters as one word.
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.add.reduceat((self.total + self.in_place)[order], firsts)
        keys = keys[firsts]
        bases = lexical.length_base(self.lengths)
        values = lexical.term_weight(counts, bases[keys >> 32]).tolist()
        indices = (keys & 0xFFFFFFFF).tolist()
        ends = np.searchsorted(keys, np.arange(len(self.bounds)) << 32).tolist()
        return [
            SparseVector(tuple(indices[start:end]), tuple(values[start:end]))
            for start, end in pairwise(ends)
        ]

    def weights(self) -> _Floats:
        """What each term counts in :func:`terms.document_terms`, ``(t,)``."""
        return terms.saturated(self.in_path * terms.PATH_WEIGHT + (self.total - self.in_path))


def count_terms(path: str, symbols: Sequence[str], texts: Sequence[str]) -> TermCounts:
    """Count the terms of a file's passages.

    :param path: of the file, relative to the repository.
    :param symbols: of each passage; may be empty.
    :param texts: each passage's code.
    """
    vocabulary = _vocabulary()
    places: dict[str, _Place] = {}
    counted: list[dict[int, int]] = []
    own: list[_Place] = []
    lengths: list[int] = []
    for symbol, text in zip(symbols, texts, strict=True):
        place = places.get(symbol)
        if place is None:
            place = places[symbol] = _place(path, symbol, vocabulary)
        numbers, length = vocabulary.numbers(text)
        counted.append(Counter(chain(place.numbers, numbers)))
        own.append(place)
        lengths.append(length + place.length * lexical.PATH_WEIGHT)
    bounds = np.zeros(len(counted) + 1, np.intp)
    np.cumsum(np.fromiter(map(len, counted), np.intp, len(counted)), out=bounds[1:])
    return TermCounts(
        vocabulary,
        bounds,
        _joined(counted, np.intp, bounds[-1]),
        _joined((one.values() for one in counted), np.float64, bounds[-1]),
        _at_starts(bounds, [place.in_path for place in own]),
        _at_starts(bounds, [place.in_both for place in own]),
        np.array(lengths, np.float64),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """The terms of a path and a symbol; how often each different one is in the path, and in both,
    in order; and their length for BM25."""

    numbers: tuple[int, ...]
    in_path: tuple[int, ...]
    in_both: tuple[int, ...]
    length: int


def _place(path: str, symbol: str, vocabulary: Vocabulary) -> _Place:
    # A path may hold what ends it in a header.
    path, rest = terms.header_parts(f"{path} | {symbol}" if symbol else path)
    above, length = vocabulary.numbers(path)
    below, more = vocabulary.numbers(rest)
    in_path, in_both = Counter(above), Counter([*above, *below])
    return _Place(
        tuple(above + below), tuple(in_path.values()), tuple(in_both.values()), length + more
    )


def _joined(parts: Iterable[Iterable[int]], kind: type[Any], count: int) -> npt.NDArray[Any]:
    return np.fromiter(chain.from_iterable(parts), kind, count)


def _at_starts(bounds: _Places, parts: Sequence[tuple[int, ...]]) -> _Floats:
    """Numbers put at the beginning of each passage's terms, zeros behind them."""
    lengths = np.fromiter(map(len, parts), np.intp, len(parts))
    ends = np.cumsum(lengths)
    out = np.zeros(bounds[-1])
    places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
        bounds[:-1] - ends + lengths, lengths
    )
    out[places] = _joined(parts, np.float64, len(places))
    return out
