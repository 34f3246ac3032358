"""How near the names of passages are to a question by meaning, whatever words they are made of.

A passage's vector is made of all its words, of which its names are a few: a function called
``evict`` is hardly nearer to "drop what is old" than its neighbours. So names are compared by
themselves, with the model that is shipped, whichever the index was made with: its table of words
is at hand, and a few hundred words take a fraction of a millisecond. What names are made of and
the vectors of these words are remembered, as most come again with the next question. Pure
functions but for that and for the model's file, which is read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from harness.models.static.embedder import StaticEmbedder
from harness.search.path_kinds import name_words
from harness.search.query import Query
from harness.types import Chunk, FloatArray

_MOST_WORDS = 1 << 14
"""A kilobyte each. The names of 13,000 chunks have 3,200, and the more chunks, the fewer each."""

_MOST_NAMES = 1 << 16
"""Lists of names, some 400 bytes each."""


def names_near(query: Query, chunks: Sequence[Chunk]) -> tuple[FloatArray, FloatArray]:
    """How near chunks are to a question by their names: by what they define and the definitions
    around it, and by what they define alone, both ``(n,)``; 0 for what has no names, and for
    everything when one name is asked for.

    The cosine of the question's vector and the sum of the words', as if different words were at
    right angles: nearly so, and no sums of vectors are needed.

    :param query: what is asked.
    :param chunks: what was found.
    :raises ModelMissingError: the model that is shipped is not there.
    """
    if query.sought or not chunks:
        # Who asks for one name means that one, and names like it mean nearly the same.
        return np.zeros(len(chunks), np.float32), np.zeros(len(chunks), np.float32)
    model = _shipped()
    question = model.embedder.embed_query(f"{query.first_said} {query.text}".strip())
    names = model.names()
    every: list[int] = []
    lengths: list[int] = []
    for own, others in names.words_of(chunks):
        every += own
        every += others
        lengths.append(len(own))
        lengths.append(len(others))
    words, places = np.unique(np.array(every, dtype=np.intp), return_inverse=True)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    vectors = names.vectors
    dots = _sums(owner, vectors.products(words, question)[places], len(chunks))
    squares = _sums(owner, vectors.squares(words)[places], len(chunks))
    near = (dots / np.sqrt(np.maximum(squares, 1e-12))).astype(np.float32)
    around, alone = near
    return around, alone


def _sums(owner: npt.NDArray[np.intp], values: FloatArray, chunks: int) -> FloatArray:
    """The sums of each chunk's values, ``(2, chunks)``: all of them, then those of its own names.

    :param owner: of each value, twice its chunk's place, one more unless it is of its own names.
    """
    own, others = np.bincount(owner, values, 2 * chunks).reshape(chunks, 2).T
    return np.stack((own + others, own))


_Key = tuple[str, tuple[str, ...]]
_Words = tuple[tuple[int, ...], tuple[int, ...]]


class _Names:
    """The words of names by number, and their vectors. ``vectors``: of all of them."""

    def __init__(self, embedder: StaticEmbedder) -> None:
        self.vectors = embedder.word_vectors()
        self._of: dict[_Key, _Words] = {}

    def is_full(self) -> bool:
        return len(self._of) > _MOST_NAMES or len(self.vectors) > _MOST_WORDS

    def words_of(self, chunks: Sequence[Chunk]) -> list[_Words]:
        """For each chunk the words of its names, and those that only what is around it has."""
        keys = [(chunk.symbol, chunk.definitions) for chunk in chunks]
        new = {key for key in keys if key not in self._of}
        if new:
            self._read(new)
        return [self._of[key] for key in keys]

    def _read(self, keys: Iterable[_Key]) -> None:
        words = {key: (name_words(key[1]), name_words((key[0],))) for key in keys}
        number = self.vectors.numbers(chain.from_iterable(chain.from_iterable(words.values())))
        for key, (own, around) in words.items():
            others = [number[word] for word in around if word not in own]
            self._of[key] = tuple([number[word] for word in own]), tuple(others)


class _Model:
    """The model that is shipped, with what is remembered of names."""

    def __init__(self) -> None:
        self.embedder = StaticEmbedder()
        self._names = _Names(self.embedder)

    def names(self) -> _Names:
        """What is remembered: of those for one question all, and begun anew when it is much."""
        if self._names.is_full():
            self._names = _Names(self.embedder)  # who uses the former goes on with it
        return self._names


@lru_cache(maxsize=1)
def _shipped() -> _Model:
    return _Model()
