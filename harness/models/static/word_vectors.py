"""The vectors of words that many questions are compared with, each summed up once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from harness.types import FloatArray

_FIRST_ROOM = 1024


class WordVectors:
    """Words by number, in the order in which they came, with their vectors; it only grows. For any
    number of threads.

    :param read: gives the vectors of words, ``(n, dimension)``, of whatever length.
    :param dimension: of these.
    """

    def __init__(self, read: Callable[[Sequence[str]], FloatArray], dimension: int) -> None:
        self._read = read
        self._numbers: dict[str, int] = {}
        self._used = 0
        self._lock = threading.Lock()
        self._vectors: FloatArray = np.empty((_FIRST_ROOM, dimension), np.float32)
        self._squares: FloatArray = np.empty(_FIRST_ROOM, np.float32)

    def __len__(self) -> int:
        return self._used

    def numbers(self, words: Iterable[str]) -> Mapping[str, int]:
        """The number of each word, which it keeps.

        :param words: as the model knows words; many at once are read in a fraction of the time.
        """
        wanted = dict.fromkeys(words)
        found = {word: self._numbers[word] for word in wanted if word in self._numbers}
        new = [word for word in wanted if word not in found]
        return {**found, **self._add(new)} if new else found

    def products(self, numbers: npt.NDArray[np.intp], vector: FloatArray) -> FloatArray:
        """The product of words' vectors with another, ``(n,)``.

        :param numbers: of the words, ``(n,)``.
        :param vector: ``(dimension,)``.
        """
        # Not `@`, whose last bit depends on how many rows come before: how near a word is would
        # hang on what else was asked in the life of the process.
        found: FloatArray = np.einsum("ij,j->i", self._vectors[numbers], vector)
        return found

    def squares(self, numbers: npt.NDArray[np.intp]) -> FloatArray:
        """The squares of the lengths of words' vectors, ``(n,)``.

        :param numbers: of the words, ``(n,)``.
        """
        return self._squares[numbers]

    def _add(self, words: Sequence[str]) -> dict[str, int]:
        vectors = self._read(words)
        squares = np.einsum("ij,ij->i", vectors, vectors)
        with self._lock:
            first, end = self._used, self._used + len(words)
            if end > len(self._squares):
                # Others may read the former arrays meanwhile, which hold every number they know.
                more = max(end, 2 * len(self._squares)) - len(self._squares)
                room = np.empty((more, vectors.shape[1]), np.float32)
                self._vectors = np.concatenate((self._vectors, room))
                self._squares = np.concatenate((self._squares, room[:, 0]))
            self._vectors[first:end] = vectors
            self._squares[first:end] = squares
            self._used = end
            # Not before they can be looked up. A word that another thread has added meanwhile has
            # two numbers then, of the same vector.
            added = dict(zip(words, range(first, end), strict=True))
            self._numbers.update(added)
            return added
