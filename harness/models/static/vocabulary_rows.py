"""Which rows of a model's table the terms of a vocabulary stand for, as arrays."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from harness.models.static.terms import term_rows
from harness.models.term_counts import Vocabulary

_Places = npt.NDArray[np.intp]
_Floats = npt.NDArray[np.float64]


class VocabularyRows:
    """The rows of a vocabulary's terms, looked up once; one thread's, as the vocabulary is.

    :param vocabulary: it may grow.
    :param known: row by hash of the terms that the model knows.
    :param buckets: rows of the model for all others.
    """

    def __init__(self, vocabulary: Vocabulary, known: Mapping[int, int], buckets: int) -> None:
        self.vocabulary = vocabulary
        self._known = known
        self._buckets = buckets
        # Those of a term begin at its start, and are as many as its count says.
        self._rows = array("q")
        self._shares = array("d")
        self._starts = array("q")
        self._counts = array("q")

    def catch_up(self) -> None:
        """Look up the terms that have come since."""
        for term in self.vocabulary.terms[len(self._starts) :]:
            rows, shares = term_rows(term, self._known, self._buckets)
            self._starts.append(len(self._rows))
            self._counts.append(len(rows))
            self._rows.extend(rows)
            self._shares.extend(shares)

    def spread(
        self, numbers: _Places, weights: _Floats, bounds: _Places
    ) -> tuple[_Places, _Floats, _Places]:
        """Put rows in the place of terms, in their order.

        :param numbers: of terms, ``(t,)``.
        :param weights: of the terms, ``(t,)``.
        :param bounds: where each passage's terms begin and end, ``(n + 1,)``.
        :returns: rows ``(r,)``, their weights ``(r,)``, and where each passage's rows begin.
        """
        starts = np.frombuffer(self._starts, np.int64)[numbers]
        counts = np.frombuffer(self._counts, np.int64)[numbers]
        ends = np.zeros(len(counts) + 1, np.intp)
        np.cumsum(counts, out=ends[1:])
        places = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], counts)
        rows = np.frombuffer(self._rows, np.int64)[places]
        shares = np.frombuffer(self._shares, np.float64)[places]
        return rows, np.repeat(weights, counts) * shares, ends[bounds]
