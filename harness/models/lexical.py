"""Words of code as sparse vectors: the lexical half of the search.

One function, :func:`words`, cuts documents and queries alike. A document's vector holds BM25
term weights; the other factor of BM25, the inverse document frequency, is applied by the store
(Qdrant's ``Modifier.IDF``), so that it follows the collection as it grows.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from zlib import crc32

from harness.models.word_forms import word_forms
from harness.types import SparseVector

VERSION = "words-1"
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

_WORD = re.compile(r"[^\W\d]\w*|\d+")
_PART = re.compile(
    r"[A-Z]+(?![a-z])\d*"  # HTTP of HTTPServer, SHA256
    r"|[A-Z]?[a-z]+\d*"  # Server, sha256, utf8
    r"|\d+"
)


@lru_cache(maxsize=1 << 16)
def word_parts(word: str) -> tuple[str, ...]:
    """Terms of one identifier, lower-cased: the whole, then its parts if there are several.

    ``HTTPServer`` gives ``httpserver, http, server``; ``__get_item2__`` gives
    ``get_item2, get, item2``.

    :param word: letters, digits and underscores.
    """
    whole = word.strip("_").lower()
    if not whole:
        return ()
    # Other alphabets have no camelCase worth a rule: underscores alone part them.
    parts = _PART.findall(word) if word.isascii() else [part for part in word.split("_") if part]
    if len(parts) < 2:
        return (whole,)
    return (whole, *(part.lower() for part in parts))


def words(text: str) -> list[str]:
    """Terms of a text in order, repeats included.

    :param text: code, a path or a question.
    """
    terms: list[str] = []
    for word in _WORD.findall(text):
        terms.extend(word_parts(word))
    return terms


def term_id(term: str) -> int:
    """The uint32 under which a term is stored: CRC-32, the same on every machine and version.

    :param term: a term as :func:`words` gives it.
    """
    return crc32(term.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1 << 16)
def _word_ids(word: str) -> tuple[int, ...]:
    return tuple(term_id(term) for term in word_parts(word))


def _count(text: str) -> dict[int, int]:
    counts: dict[int, int] = {}
    # Counting whole words first: a chunk repeats them, and each is then looked up only once.
    for word, count in Counter(_WORD.findall(text)).items():
        for index in _word_ids(word):
            counts[index] = counts.get(index, 0) + count
    return counts


@lru_cache(maxsize=1 << 12)
def _place_counts(path: str, symbol: str) -> tuple[tuple[int, int], ...]:
    counts = _count(f"{path} {symbol}")
    return tuple((index, count * PATH_WEIGHT) for index, count in counts.items())


def document_vector(text: str, path: str, symbol: str) -> SparseVector:
    """BM25 term weights of a chunk, without IDF: ``tf (k1 + 1) / (tf + k1 (1 - b + b len/avg))``.

    :param text: the chunk's code.
    :param path: its file, relative to the repository.
    :param symbol: path of enclosing definitions; may be empty.
    """
    counts = _count(text)
    for index, count in _place_counts(path, symbol):
        counts[index] = counts.get(index, 0) + count
    base = K1 * (1.0 - B + B * sum(counts.values()) / AVERAGE_TERMS)
    indices = sorted(counts)
    values = [(K1 + 1.0) * (tf := counts[index]) / (tf + base) for index in indices]
    return SparseVector(tuple(indices), tuple(values))


def query_vector(text: str) -> SparseVector:
    """How often each term stands in a query; a question's words also count, less, with other
    endings, while a name alone is looked up as it is.

    :param text: a question, a symbol, or both.
    """
    counts: dict[int, float] = dict(_count(text))
    if len(text.split()) > 1:
        for term in words(text):
            for form in word_forms(term):
                counts.setdefault(term_id(form), OTHER_FORM)
    indices = sorted(counts)
    return SparseVector(tuple(indices), tuple(float(counts[index]) for index in indices))
