"""How near the names of passages are to a question by meaning, whatever words they are made of.

A passage's vector is made of all its words, of which its names are a few: a function called
``evict`` is hardly nearer to "drop what is old" than its neighbours. So names are compared by
themselves, with the model that is shipped, whichever the index was made with: its table of words
is at hand, and a few hundred words take a fraction of a millisecond. Pure functions but for the
model's file, which is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from harness.models.static.embedder import StaticEmbedder
from harness.search.path_kinds import name_words
from harness.search.query import Query
from harness.types import Chunk, FloatArray


@lru_cache(maxsize=1)
def _shipped() -> StaticEmbedder:
    return StaticEmbedder()


def names_near(query: Query, chunks: Sequence[Chunk]) -> tuple[FloatArray, FloatArray]:
    """How near chunks are to a question by their names: by what they define and the definitions
    around it, and by what they define alone, both ``(n,)``; 0 for what has no names, and for
    everything when one name is asked for.

    :param query: what is asked.
    :param chunks: what was found.
    :raises ModelMissingError: the model that is shipped is not there.
    """
    if query.sought:
        # Who asks for one name means that one, and names like it mean nearly the same.
        return np.zeros(len(chunks), np.float32), np.zeros(len(chunks), np.float32)
    places: dict[tuple[str, ...], int] = {}
    found: list[int] = []
    for chunk in chunks:
        for words in _words(chunk.symbol, chunk.definitions):
            found.append(places.setdefault(words, len(places)))
    near = _near(f"{query.first_said} {query.text}".strip(), list(places))
    around, alone = near[np.array(found, dtype=np.intp).reshape(len(chunks), 2)].T
    return around, alone


@lru_cache(maxsize=1 << 14)
def _words(symbol: str, definitions: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a chunk's names and of what is around it, and those of its names alone."""
    own = name_words(definitions)
    return tuple(dict.fromkeys((*name_words((symbol,)), *own))), own


def _near(question: str, groups: Sequence[tuple[str, ...]]) -> FloatArray:
    """How near the words of each group are to a question, ``(n,)``.

    The cosine of the question's vector and the sum of the words', as if different words were at
    right angles: nearly so, and no sums of vectors are needed.
    """
    numbers: dict[str, int] = {}
    taken = [numbers.setdefault(word, len(numbers)) for words in groups for word in words]
    if not taken:
        return np.zeros(len(groups), np.float32)
    products, squares = _shipped().beside(question, list(numbers))
    owner = np.repeat(np.arange(len(groups)), [len(words) for words in groups])
    dots = np.bincount(owner, products[taken], len(groups))
    lengths = np.bincount(owner, squares[taken], len(groups))
    near: FloatArray = (dots / np.sqrt(np.maximum(lengths, 1e-12))).astype(np.float32)
    return near
