"""How important the files of a repository and their definitions are: by who uses their names.

PageRank (Page et al., 1999) over the graph file -> name -> file: a file hands a part of its
importance on to the names that it uses, and a name to the files that define it. With the names in
between, memory and time grow with the uses, not with uses times definitions. Pure functions, the
same result for the same index.

The numbers below were chosen on ten Python code bases, against the graph of their imports, which
the index does not have, and measured on eight others (docs/decisions/0022-repository-map.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.search.name_uses import Indices, NameUses
from harness.search.path_kinds import path_factor

Floats = npt.NDArray[np.float64]

_DAMPING = 0.7
"""What a file hands on at most; the rest comes from where one begins."""
_FOCUSED_DAMPING = 0.5
_BACKWARDS = 0.5
"""With a focus: what goes to the files that use a file's names, against those whose names it uses.
People change both together."""
_PLAIN = 0.02
"""Of a name in small letters without a break, such as ``get``, which may be any word."""
_FEW = 10.0
"""A file that uses this much hands on half of what one does that uses very much: otherwise the one
name that a small file uses would get all of it."""
_UNUSED = 0.01
"""Of a name that nobody uses, against one that is used once, and can only be meant."""

_ROUNDS = 60
_CLOSE_ENOUGH = 1e-7


@dataclass(frozen=True, slots=True)
class Importance:
    """Of each file its share of one, ``(n,)``, and of each definition what it brings to its file,
    ``(d,)``, in the orders of :class:`NameUses`."""

    files: Floats
    definitions: Floats


def importance(uses: NameUses, focus: Mapping[int, float] | None = None) -> Importance:
    """Rank files and definitions.

    :param focus: files, by their numbers, with weights above 0: what they use, and what uses them,
        counts. None or empty: the repository as a whole.
    """
    if not uses.paths:
        return Importance(np.zeros(0), np.zeros(0))
    return _Graph(uses).rank(focus or {})


class _Graph:
    def __init__(self, uses: NameUses) -> None:
        self._uses = uses
        files, names = len(uses.paths), len(uses.names)
        self._factors = np.array([path_factor(path, frozenset()) for path in uses.paths])
        definers = np.bincount(uses.definition_names, minlength=names)
        telling = np.array([1.0 if is_telling(name) else _PLAIN for name in uses.names])
        weights = np.sqrt(uses.use_counts) * (telling / np.maximum(definers, 1))[uses.use_names]
        total = _sums(weights, uses.use_files, files)
        self._used_by_file = weights / (total + _FEW)[uses.use_files]
        self._of_name = _shares(self._factors[uses.definition_files], uses.definition_names, names)
        # And back, for a focus, and for what a file has without being used.
        self._users_of_name = _shares(weights, uses.use_names, names)
        used = np.sqrt(_sums(weights, uses.use_names, names)) + _UNUSED
        self._of_file = _shares(used[uses.definition_names], uses.definition_files, files)

    def rank(self, focus: Mapping[int, float]) -> Importance:
        begin = self._factors
        if focus:
            begin = np.zeros(len(self._factors))
            begin[list(focus)] = list(focus.values())
        begin = begin / begin.sum()
        damping = _FOCUSED_DAMPING if focus else _DAMPING
        files = begin
        for _ in range(_ROUNDS):
            brought = self._brought(files)
            handed = _sums(brought, self._uses.definition_files, len(files))
            if focus:
                handed = (1 - _BACKWARDS) * handed + _BACKWARDS * self._handed_back(files)
            after = damping * handed
            after += (1 - after.sum()) * begin
            change = np.abs(after - files).sum()
            files = after
            if change < _CLOSE_ENOUGH:
                break
        # What one begins with is about all that is defined there.
        brought = self._brought(files) + begin[self._uses.definition_files] * self._of_file
        # Whatever kind of file a focus is.
        factors = np.where(begin > 0, 1.0, self._factors) if focus else self._factors
        files = files * factors
        brought = brought * factors[self._uses.definition_files]
        return Importance(files / files.sum(), brought / files.sum())

    def _brought(self, files: Floats) -> Floats:
        """What each definition gets of the files that use its name."""
        uses = self._uses
        handed = self._used_by_file * files[uses.use_files]
        names = _sums(handed, uses.use_names, len(uses.names))
        return np.asarray(names[uses.definition_names] * self._of_name)

    def _handed_back(self, files: Floats) -> Floats:
        """What each file gets of those whose names it uses."""
        uses = self._uses
        defined = self._of_file * files[uses.definition_files]
        names = _sums(defined, uses.definition_names, len(uses.names))
        handed = self._users_of_name * names[uses.use_names]
        return _sums(handed, uses.use_files, len(files))


def is_telling(name: str) -> bool:
    """Whether a name in code is more than a word: it has a capital letter, or several parts."""
    bare = name.strip("_")
    return "_" in bare or bare != bare.lower()


def _sums(weights: Floats, of: Indices, size: int) -> Floats:
    """The sums ``(size,)`` of the weights ``(m,)`` with the same number in ``of`` ``(m,)``."""
    return np.bincount(of, weights, size).astype(np.float64)


def _shares(weights: Floats, of: Indices, size: int) -> Floats:
    """The weights as shares of those sums."""
    return np.asarray(weights / np.maximum(_sums(weights, of, size), 1e-300)[of])
