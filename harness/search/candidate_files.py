"""The files that a query's candidates are in, each once, and numbers by file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from harness.types import Candidate, FloatArray

OTHER_CHUNKS = 3
"""Further chunks of a file that speak for it, so that long files do not win by their length."""


class CandidateFiles:
    """The files of the candidates, each once.

    ``paths``: relative to their repositories. ``definitions``: names that their candidates define.
    ``of_row``: for each candidate its file's place among them, ``(n,)``.
    """

    def __init__(self, pool: Sequence[Candidate]) -> None:
        places: dict[tuple[str, str], int] = {}
        found = [places.setdefault((c.repo, c.path), len(places)) for c in pool]
        self.paths = [path for _, path in places]
        self.definitions: list[set[str]] = [set() for _ in places]
        for candidate, place in zip(pool, found, strict=True):
            self.definitions[place].update(candidate.chunk.definitions)
        self.of_row = np.array(found, dtype=np.intp)
        self._by_file = np.argsort(self.of_row, kind="stable")
        self._begins = np.searchsorted(self.of_row[self._by_file], np.arange(len(places)))

    def gather(self, values: FloatArray) -> FloatArray:
        """For each candidate the value of its file, ``(n,)``."""
        return values[self.of_row]

    def each(self, compute: Callable[[str], float]) -> FloatArray:
        """For each candidate a number that its path has, ``(n,)``."""
        return self.gather(np.array([compute(path) for path in self.paths], dtype=np.float32))

    def largest(self, rows: FloatArray) -> FloatArray:
        """For each file the largest of its candidates' values, by column: ``(files, m)``.

        :param rows: ``(n, m)``.
        """
        if not len(rows):
            return rows
        return np.maximum.reduceat(rows[self._by_file], self._begins, axis=0)

    def others(self, values: FloatArray) -> FloatArray:
        """For each candidate a share of the sum of its file's largest other values, ``(n,)``; 0
        for one that is alone.

        :param values: not negative, ``(n,)``.
        """
        best = self._highest(values)
        top, next_one = best[:, :OTHER_CHUNKS].sum(axis=1), best.sum(axis=1)
        own = self.of_row
        is_top = values >= best[own, OTHER_CHUNKS - 1]
        result: FloatArray = np.where(is_top, next_one[own] - values, top[own]) / OTHER_CHUNKS
        return result

    def best(self, values: FloatArray) -> FloatArray:
        """For each file the mean of its three largest values, 0 for those that it has not.

        :param values: not negative, ``(n,)``.
        """
        mean: FloatArray = self._highest(values)[:, :OTHER_CHUNKS].sum(axis=1) / OTHER_CHUNKS
        return mean

    def _highest(self, values: FloatArray) -> FloatArray:
        """The largest values of each file, ``(files, OTHER_CHUNKS + 1)``; a file that has fewer is
        filled up with zeros, which change no sum."""
        order = np.lexsort((-values, self.of_row))
        file = self.of_row[order]
        place = np.arange(len(order)) - self._begins[file]
        near = place <= OTHER_CHUNKS
        best = np.zeros((len(self.paths), OTHER_CHUNKS + 1), np.float32)
        best[file[near], place[near]] = values[order[near]]
        return best
