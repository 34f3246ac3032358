"""Learns how likely an answer holds what was asked for, and judges it.

A logistic regression over :data:`harness.search.match.SIGNS`, found by Newton's method, from
questions about a release, found or not, and about others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.search import match
from harness.types import FloatArray
from training.candidates import FOREIGN, Asked
from training.weighing import Floats, Learned, best

_PRIOR = 0.3
_DEPTH = 10
_MOST_STEPS = 60


def learn_match(asked: Sequence[Asked], learned: Sequence[Learned]) -> dict[str, float]:
    """Weights for :mod:`harness.search.match`.

    :param asked: questions about their release, and others.
    :param learned: the weights of the ranking for each.
    """
    signs, right = signs_of(asked, learned)
    weights = np.zeros(signs.shape[1])
    for _ in range(_MOST_STEPS):
        shares = 1 / (1 + np.exp(-signs @ weights))
        slope = signs.T @ (right - shares) - _PRIOR * weights
        bend = (signs * (shares * (1 - shares))[:, None]).T @ signs
        step = np.linalg.solve(bend + _PRIOR * np.eye(len(weights)), slope)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return dict(zip(("intercept", *match.SIGNS), weights.tolist(), strict=True))


def signs_of(asked: Sequence[Asked], learned: Sequence[Learned]) -> tuple[Floats, FloatArray]:
    """The signs of each question, ``(n, 1 + len(SIGNS))``, the first 1; and whether one of the ten
    passages shown is an answer, ``(n,)``.

    :param asked: questions.
    :param learned: the weights of the ranking for each.
    """
    signs, right = [], []
    for one, weights in zip(asked, learned, strict=True):
        shown = best(one, weights)[:_DEPTH]
        rows = one.rows[shown[: match.LOOKED_AT]]
        signs.append([1.0, *match.signs(rows, rows @ weights.passages, one.terms)])
        right.append(float(one.answers[shown].any()))
    return np.array(signs), np.array(right, dtype=np.float32)


def judge_match(
    asked: Sequence[Asked], learned: Sequence[Learned], weights: Mapping[str, float]
) -> list[str]:
    """Lines that say how good the likelihood of a match is: how often an answer was shown when it
    was said to be that likely, and whom the flag is wrong about.

    :param asked: questions.
    :param learned: the weights of the ranking for each.
    :param weights: as :func:`learn_match` gives them.
    """
    signs, right = signs_of(asked, learned)
    said = 1 / (1 + np.exp(-signs @ np.array([weights[n] for n in ("intercept", *match.SIGNS)])))
    foreign = np.array([one.kind == FOREIGN for one in asked])
    lines = [
        f"said {low:.1f} to {low + 0.2:.1f}: {inside.sum()} questions, "
        f"{right[inside].mean():.2f} answered"
        for low in (0.0, 0.2, 0.4, 0.6, 0.8)
        if (inside := (said >= low) & (said < low + 0.2)).any()
    ]
    found = (right > 0) & ~foreign
    for well in sorted({match.WELL, 0.2, 0.3, 0.4, 0.5}):
        lines.append(
            f"below {well}: {(said[found] < well).mean():.3f} of those answered, "
            f"{(said[foreign] < well).mean():.3f} of those about other code"
        )
    return lines
