"""How likely an answer holds what was asked for: a search always finds something.

A logistic regression over a few numbers of the best passages, learned with the ranking from
questions about the code base (found or not) and from as many about others. Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.search import weights
from harness.search.features import FEATURES
from harness.search.query import Query
from harness.search.ranking import NAMED_FILE, Ranked
from harness.types import FloatArray

WELL = 0.2
"""Likelihood from which something matches well. Of the labelled questions whose first passage is
right one in eighty is below, and half of the questions about other code: a warning that is often
wrong is not read."""

LOOKED_AT = 3
"""Passages from the top whose numbers count."""

_BEST_OF = ("text says it", "names say it", "names say only that", "file says it", "path says it",
            "stem is meant", "defines the name", "defines a word", "in both lists")  # fmt: skip

_COLUMNS = [FEATURES.index(name) for name in _BEST_OF]

SIGNS = ("score", "margin", "words", *(f"best: {name}" for name in _BEST_OF))


def signs(rows: FloatArray, scores: FloatArray, terms: int) -> list[float]:
    """What tells how well an answer fits, one number for each of :data:`SIGNS`.

    :param rows: features of the first :data:`LOOKED_AT` passages, ``(n, len(FEATURES))``, n > 0.
    :param scores: their weighted sums, ``(n,)``.
    :param terms: content words of the question.
    """
    return [
        float(scores.max()) / 10,
        float(scores.max() - scores.min()) / 10,
        math.log2(1 + terms) / 4,
        *rows[:, _COLUMNS].max(axis=0).tolist(),
    ]


def likelihood(query: Query, ranked: Sequence[Ranked]) -> float:
    """How likely one of the first passages answers the question, 0 to 1.

    :param query: what was asked.
    :param ranked: its answer, best first.
    """
    if not ranked:
        return 0.0
    if ranked[0].score > NAMED_FILE / 2:
        return 1.0  # whoever names a file finds it
    rows = np.stack([one.row for one in ranked[:LOOKED_AT]])
    learned = weights.shipped()
    found = signs(rows, rows @ weights.shipped_for(FEATURES), len(query.terms))
    odds = learned.match.get("intercept", 0.0) + sum(
        learned.match.get(name, 0.0) * value for name, value in zip(SIGNS, found, strict=True)
    )
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))
