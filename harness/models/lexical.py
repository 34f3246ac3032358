"""Words of code as sparse vectors: the lexical half of the search.

One function, :func:`words`, cuts documents and queries alike; case, width and composition of
letters do not count (:mod:`harness.folding`). A document's vector holds BM25 term weights; the
other factor of BM25, the inverse document frequency, is applied by the store (Qdrant's
``Modifier.IDF``), so that it follows the collection as it grows.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from itertools import pairwise
from typing import TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt

from harness.folding import compose, fold
from harness.models import scripts
from harness.models.word_forms import word_forms
from harness.types import SparseVector

_Number = TypeVar("_Number", float, npt.NDArray[np.float64])

VERSION = "words-2"
"""Changes with anything below that changes a vector; part of an index's fingerprint."""

K1 = 1.2
"""Saturation of repeated terms; the usual value of Robertson and Zaragoza (2009)."""

B = 0.75
"""How much of the length of a chunk counts; the usual value."""

AVERAGE_TERMS = 160.0
"""Length that counts as normal, in terms. Fixed, because a vector must not depend on what else
is indexed; chunks of 750–900 characters of code have 150–170 terms."""

PATH_WEIGHT = 2
"""Times that the words of the path and the symbol count: one mention there says more than one
in the code."""

OTHER_FORM = 0.5
"""Weight of a question's word with another ending, next to 1 for the word as it was asked."""

FORMS_UP_TO = 100
"""Different words of a question beyond which none counts with other endings: it is a pasted text,
and its vector would have tens of thousands of terms."""

_WORD = re.compile(r"[^\W\d]\w*|\d+")
_PART = re.compile(
    r"[A-Z]+(?![a-z])\d*"  # HTTP of HTTPServer, SHA256
    r"|[A-Z]?[a-z]+\d*"  # Server, sha256, utf8
    r"|\d+"
)


def whole_words(text: str) -> list[str]:
    """Words and numbers of a text in order, repeats included; composed, with their case.

    :param text: code, a path or a question.
    """
    if text.isascii():
        return _WORD.findall(text)
    return _word_with_marks().findall(compose(text))


def count_words(text: str) -> dict[str, int]:
    """How often a text has each of its words, in the order in which they come first.

    :param text: as for :func:`whole_words`.
    """
    return Counter(whole_words(text))


@cache
def _word_with_marks() -> re.Pattern[str]:
    return re.compile(rf"[^\W\d][\w{scripts.marks()}]*|\d+")


@lru_cache(maxsize=1 << 16)
def word_parts(word: str) -> tuple[str, ...]:
    """Terms of one identifier, folded: the whole, then its parts if there are several.

    ``HTTPServer`` gives ``httpserver, http, server``; ``__get_item2__`` gives
    ``get_item2, get, item2``. In scripts without blanks the parts are pairs and single letters.

    :param word: a word as :func:`whole_words` gives it.
    """
    whole = fold(word.strip("_"))
    if not whole:
        return ()
    parts = _PART.findall(word) if word.isascii() else _other_parts(word)
    if len(parts) < 2:
        return (whole,)
    return (whole, *map(fold, parts))


def _other_parts(word: str) -> list[str]:
    """Parts of a word with letters beyond ASCII."""
    parts: list[str] = []
    for piece, is_unspaced in scripts.runs(word):
        if is_unspaced:
            parts.extend(scripts.grams(piece))
        else:
            parts.extend(part for name in piece.split("_") for part in _by_case(name))
    return parts


def _by_case(name: str) -> list[str]:
    """Parts of a name that begin with a capital after a small letter."""
    if name.isascii():
        return _PART.findall(name)
    pairs = enumerate(pairwise(name), start=1)
    starts = [at for at, (one, next_) in pairs if one.islower() and next_.isupper()]
    return [
        name[begin:end] for begin, end in zip([0, *starts], [*starts, None], strict=True) if name
    ]


def words(text: str) -> list[str]:
    """Terms of a text in order, repeats included.

    :param text: code, a path or a question.
    """
    terms: list[str] = []
    for word in whole_words(text):
        terms.extend(word_parts(word))
    return terms


def term_id(term: str) -> int:
    """The uint32 under which a term is stored: CRC-32, the same on every machine and version.

    :param term: a term as :func:`words` gives it.
    """
    return crc32(term.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1 << 16)
def word_ids(word: str) -> tuple[tuple[int, ...], int]:
    """Ids of a word's terms, and how many of them count for a text's length: single letters of
    a script without blanks repeat what the pairs say.

    :param word: a word as :func:`whole_words` gives it.
    """
    terms = word_parts(word)
    singles = sum(len(term) == 1 and not term.isascii() for term in terms[1:])
    return tuple(map(term_id, terms)), len(terms) - singles


def _count(text: str) -> tuple[dict[int, int], int]:
    """How often each term occurs, and the text's length in terms."""
    counts: dict[int, int] = {}
    length = 0
    # Of whole words: a chunk repeats them, and each is then looked up only once.
    for word, count in count_words(text).items():
        ids, terms = word_ids(word)
        length += count * terms
        for index in ids:
            counts[index] = counts.get(index, 0) + count
    return counts, length


def document_vector(text: str, path: str, symbol: str) -> SparseVector:
    """BM25 term weights of a chunk, without IDF: ``tf (k1 + 1) / (tf + k1 (1 - b + b len/avg))``.
    :mod:`harness.models.term_counts` makes those of many at once.

    :param text: the chunk's code.
    :param path: its file, relative to the repository.
    :param symbol: path of enclosing definitions; may be empty.
    """
    counts, length = _count(text)
    place, place_length = _count(f"{path} {symbol}")
    for index, count in place.items():
        counts[index] = counts.get(index, 0) + count * PATH_WEIGHT
    base = length_base(float(length + place_length * PATH_WEIGHT))
    indices = sorted(counts)
    values = [term_weight(float(counts[index]), base) for index in indices]
    return SparseVector(tuple(indices), tuple(values))


def length_base(length: _Number) -> _Number:
    """What a term weighs against in a chunk of some length: ``k1 (1 - b + b len/avg)``; one number
    or an array.

    :param length: in terms, those of path and symbol as often as they count.
    """
    return K1 * (1.0 - B + B * length / AVERAGE_TERMS)


def term_weight(tf: _Number, base: _Number) -> _Number:
    """A term's weight: ``tf (k1 + 1) / (tf + base)``; one number or an array.

    :param tf: how often it occurs.
    :param base: :func:`length_base` of its chunk.
    """
    return (K1 + 1.0) * tf / (tf + base)


def query_vector(text: str) -> SparseVector:
    """How often each term stands in a query; a question's words also count, less, with other
    endings, while a name alone is looked up as it is.

    :param text: a question, a symbol, or both.
    """
    counts: dict[int, float] = dict(_count(text)[0])
    if len(text.split()) > 1 and len(counts) <= FORMS_UP_TO:
        for term in words(text):
            for form in word_forms(term):
                counts.setdefault(term_id(form), OTHER_FORM)
    indices = sorted(counts)
    return SparseVector(tuple(indices), tuple(float(counts[index]) for index in indices))
