"""Learns the weights of the ranking, and how likely an answer holds what was asked for.

The ranking is a listwise logistic regression: the likelihood that a candidate is meant is the
softmax of its weighted features over all candidates of the question (Cao et al. 2007, "Learning to
rank: from pairwise approach to listwise approach"); of several answers the sum counts. Both are
found by Newton's method, a Gaussian prior around 0 keeps weights of what is rarely seen small.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.search import match
from harness.search.features import FEATURES
from harness.search.path_kinds import FACTORS
from harness.search.ranking import spread
from harness.types import FloatArray
from training.candidates import FOREIGN, Asked

Floats = npt.NDArray[np.float64]

PRIOR = 0.3
"""Precision of the prior. .1 to 1 give the same figures."""

_FACTOR = 3.6
"""What one e-fold of a kind's factor is, as a weight: the ratio for the kinds that releases have
enough of. Kinds that they have not (bundled and generated code is left out of them) keep the factor
that was set by hand: the prior lies there."""

EXPECTED = np.array(
    [_FACTOR * math.log(FACTORS.get(name.removeprefix("is "), 1.0)) for name in FEATURES]
)

_NEVER_AGAINST = (
    "dense place, words asked", "dense place, name asked", "dense score",
    "lexical place, words asked", "lexical place, name asked", "lexical score",
    "defines the name", "defines a word", "names say it", "names say only that",
    "text says it", "file says it", "path says it", "stem is meant",
    "file in dense", "file in lexical",
)  # fmt: skip
"""What says that a candidate is meant: a weight below 0 would be an accident of its neighbours, and
turn a list around where it is the only one."""

LEAST = 0.05
"""Their least weight."""

_PER_RELEASE = 40.0
"""Questions that a release counts as, however many it has: no code base decides for the others."""

_DEPTH = 10
_MOST_STEPS = 60


def learn(releases: Sequence[Sequence[Asked]], near: Floats | None = None) -> Floats:
    """The weights, ``(len(FEATURES),)``.

    :param releases: their questions; those without an answer among the candidates teach nothing.
    :param near: weights to begin with, which save time and do not change the answer.
    """
    lists: list[Asked] = []
    counts: list[float] = []
    for asked in releases:
        good = [one for one in asked if one.answers.any() and not one.answers.all()]
        lists += good
        counts += [_PER_RELEASE / max(10, len(good))] * len(good)
    sizes = [len(one.rows) for one in lists]
    rows = np.concatenate([one.rows for one in lists]).astype(np.float64)
    answers = np.concatenate([one.answers for one in lists])
    free = np.ones(len(FEATURES), dtype=bool)
    weights = (EXPECTED if near is None else near).copy()
    for _ in FEATURES:
        weights[free] = _newton(
            rows[:, free],
            answers,
            np.array(sizes),
            np.array(counts),
            EXPECTED[free],
            weights[free],
        )
        against = [FEATURES.index(n) for n in _NEVER_AGAINST if weights[FEATURES.index(n)] < LEAST]
        if not free[against].any():
            break
        free[against] = False
        weights[against] = LEAST
    return weights


def _newton(
    rows: Floats,
    answers: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.int64],
    counts: Floats,
    expected: Floats,
    weights: Floats,
) -> Floats:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    of_list = np.repeat(np.arange(len(sizes)), sizes)

    def look(weights: Floats) -> tuple[float, Floats, Floats]:
        """Loss, and the shares of each candidate among all and among the answers."""
        scores = rows @ weights
        powers = np.exp(scores - np.maximum.reduceat(scores, starts)[of_list])
        every = np.add.reduceat(powers, starts)
        right = np.maximum(np.add.reduceat(powers * answers, starts), 1e-300)
        loss = -(counts * np.log(right / every)).sum()
        loss += PRIOR / 2 * ((weights - expected) ** 2).sum()
        return float(loss), powers / every[of_list], powers * answers / right[of_list]

    loss, shares, among = look(weights)
    for _ in range(_MOST_STEPS):
        slope = rows.T @ ((among - shares) * counts[of_list]) - PRIOR * (weights - expected)
        means = np.add.reduceat(rows * shares[:, None], starts)
        # The answers' own part is left out: without it the matrix is positive, and the loss falls.
        bend = (rows * (shares * counts[of_list])[:, None]).T @ rows
        bend += PRIOR * np.eye(len(weights)) - (means * counts[:, None]).T @ means
        step = np.linalg.solve(bend, slope)
        before = loss
        for _ in range(20):
            loss, shares, among = look(weights + step)
            if loss <= before:
                break
            step /= 2
        weights = weights + step
        if before - loss < 1e-6 * before:
            break
    return weights


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over ``questions`` of one kind: NDCG@10 of files, reciprocal rank of passages."""

    questions: int
    file_ndcg: float
    reciprocal_rank: float


def measure(asked: Sequence[Asked], learned: Sequence[Floats]) -> dict[str, Quality]:
    """How well weights find the answers, for each kind of question.

    :param asked: questions.
    :param learned: weights for each that it had no part in, as :func:`without_each` gives them.
    """
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one, weights in zip(asked, learned, strict=True):
        if one.kind != FOREIGN:
            values[one.kind].append(_places(one, weights))
    return {
        kind: Quality(len(found), *np.mean(found, axis=0).tolist())
        for kind, found in sorted(values.items())
    }


def best(one: Asked, weights: Floats) -> npt.NDArray[np.intp]:
    """The candidates in the order in which a search shows them.

    :param one: a question.
    :param weights: as :func:`learn` gives them.
    """
    sums = one.rows @ weights
    order = np.argsort(-sums, kind="stable")
    return order[np.argsort(-spread(sums[order], one.files[order].tolist()), kind="stable")]


def _places(one: Asked, weights: Floats) -> tuple[float, float]:
    shown = best(one, weights)[:_DEPTH]
    meant = set(one.files[one.answers].tolist())
    by_file = [n for n, row in enumerate(shown) if int(one.files[row]) in meant]
    by_answer = [n for n, row in enumerate(shown) if one.answers[row]]
    return (
        1 / math.log2(2 + by_file[0]) if by_file else 0.0,
        1 / (1 + by_answer[0]) if by_answer else 0.0,
    )


def without_each(
    releases: Sequence[Sequence[Asked]], folds: int
) -> tuple[list[Asked], list[Floats]]:
    """Weights for each question that were learned without its release.

    :param releases: their questions.
    :param folds: parts; as many as releases leaves out one at a time.
    """
    asked: list[Asked] = []
    learned: list[Floats] = []
    near = learn(releases)
    for fold in range(min(folds, len(releases))):
        others = [found for n, found in enumerate(releases) if n % folds != fold]
        weights = learn(others, near)
        for found in releases[fold::folds]:
            asked += found
            learned += [weights] * len(found)
    return asked, learned


def learn_match(asked: Sequence[Asked], learned: Sequence[Floats]) -> dict[str, float]:
    """Weights for :mod:`harness.search.match`.

    :param asked: questions about their release, and others.
    :param learned: the weights of the ranking for each.
    """
    signs, right = signs_of(asked, learned)
    weights = np.zeros(signs.shape[1])
    for _ in range(_MOST_STEPS):
        shares = 1 / (1 + np.exp(-signs @ weights))
        slope = signs.T @ (right - shares) - PRIOR * weights
        bend = (signs * (shares * (1 - shares))[:, None]).T @ signs
        step = np.linalg.solve(bend + PRIOR * np.eye(len(weights)), slope)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return dict(zip(("intercept", *match.SIGNS), weights.tolist(), strict=True))


def signs_of(asked: Sequence[Asked], learned: Sequence[Floats]) -> tuple[Floats, FloatArray]:
    """The signs of each question, ``(n, 1 + len(SIGNS))``, the first 1; and whether one of the ten
    passages shown is an answer, ``(n,)``.

    :param asked: questions.
    :param learned: the weights of the ranking for each.
    """
    signs, right = [], []
    for one, weights in zip(asked, learned, strict=True):
        shown = best(one, weights)[:_DEPTH]
        rows = one.rows[shown[: match.LOOKED_AT]]
        signs.append([1.0, *match.signs(rows, rows @ weights, one.terms)])
        right.append(float(one.answers[shown].any()))
    return np.array(signs), np.array(right, dtype=np.float32)


def judge_match(
    asked: Sequence[Asked], learned: Sequence[Floats], weights: Mapping[str, float]
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


def as_table(weights: Floats) -> Mapping[str, float]:
    """The weights by the names of their features.

    :param weights: as :func:`learn` gives them.
    """
    return dict(zip(FEATURES, weights.tolist(), strict=True))
