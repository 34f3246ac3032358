"""Learns the weights of the ranking's two steps, of passages and of files.

Each is a listwise logistic regression: the likelihood that a candidate is meant is the softmax of
its weighted features over all candidates of the question (Cao et al. 2007, "Learning to rank: from
pairwise approach to listwise approach"). Of several passages that answer the sum counts; of several
files each is compared with those that do not answer, as each should be shown. Weights are found by
Newton's method, a Gaussian prior keeps those of what is rarely seen near what is expected.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.search.features import FEATURES, OF_FILES_ONLY
from harness.search.file_ranking import FILE_FEATURES, file_features, places_by_file, spread
from harness.search.path_kinds import FACTORS
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

_LACKS, _LACKING = FEATURES.index("lacks the name"), -3.0
"""A constraint on what is learned: what lacks the one name that is asked for loses at least this.
Names like it have more in common with the question than a use of the name itself, and our questions
ask for few that are used and not defined, so that -2.29 is learned of them, with which a name that
only resembles the one asked for can win."""

_NOTHING_KNOWN = np.array([{"best passage": 1.0, "rise": 0.5}.get(n, 0.0) for n in FILE_FEATURES])
"""Weights of :data:`FILE_FEATURES` of which nothing is known: a file is worth its best passage, and
half of what the others add to its likelihood."""

_LABELLED_PRIOR = 1.0
"""Precision of the prior that lies there, for what is learned from labelled questions. With .3 they
are found better and those about code bases left out worse."""

_FILE_PRIOR = 300.0
"""Precision of the prior that lies at what the labelled questions gave, for what is learned from
releases. People typed those, which our own questions only imitate. With 3, weights depend on which
questions were drawn."""

_FILES = 25
"""Files that are compared, the best of the first step: those behind do not come to the front."""

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
    free = np.array([name not in OF_FILES_ONLY for name in FEATURES])
    weights = np.where(free, EXPECTED if near is None else near, 0.0)
    for _ in FEATURES:
        weights[free] = _newton(
            rows[:, free],
            answers,
            np.array(sizes),
            np.array(counts),
            EXPECTED[free],
            weights[free],
            PRIOR,
        )
        against = [FEATURES.index(n) for n in _NEVER_AGAINST if weights[FEATURES.index(n)] < LEAST]
        if not free[against].any():
            break
        free[against] = False
        weights[against] = LEAST
    weights[_LACKS] = min(weights[_LACKS], _LACKING)
    return weights


def _newton(
    rows: Floats,
    answers: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.int64],
    counts: Floats,
    expected: Floats,
    weights: Floats,
    prior: float,
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
        loss += prior / 2 * ((weights - expected) ** 2).sum()
        return float(loss), powers / every[of_list], powers * answers / right[of_list]

    loss, shares, among = look(weights)
    for _ in range(_MOST_STEPS):
        slope = rows.T @ ((among - shares) * counts[of_list]) - prior * (weights - expected)
        means = np.add.reduceat(rows * shares[:, None], starts)
        # The answers' own part is left out: without it the matrix is positive, and the loss falls.
        bend = (rows * (shares * counts[of_list])[:, None]).T @ rows
        bend += prior * np.eye(len(weights)) - (means * counts[:, None]).T @ means
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
class Learned:
    """Weights of the two steps: of passages ``(len(FEATURES),)``, of files
    ``(len(FILE_FEATURES),)``."""

    passages: Floats
    files: Floats


def learn_both(
    releases: Sequence[Sequence[Asked]],
    labelled: Sequence[Sequence[Asked]] = (),
    near: Floats | None = None,
) -> Learned:
    """The weights of both steps.

    :param releases: their questions.
    :param labelled: questions that people have typed, by code base; only files are learned of them.
    :param near: weights of passages to begin with.
    """
    passages = learn(releases, near)
    expected, prior = _NOTHING_KNOWN, _LABELLED_PRIOR
    if labelled:
        expected = learn_files(labelled, passages, expected, prior)
        prior = _FILE_PRIOR
    return Learned(passages, learn_files(releases, passages, expected, prior))


def learn_files(
    releases: Sequence[Sequence[Asked]], passages: Floats, expected: Floats, prior: float
) -> Floats:
    """The weights of files.

    :param releases: their questions.
    :param passages: the weights of passages.
    :param expected: where the prior lies.
    :param prior: its precision.
    """
    rows: list[Floats] = []
    counts: list[float] = []
    for asked in releases:
        good = [one for one in asked if one.answers.any()]
        for one in good:
            found = _files(one, passages)
            share = _PER_RELEASE / max(10, len(good)) / max(1, len(found))
            rows += found
            counts += [share] * len(found)
    sizes = np.array([len(one) for one in rows])
    answers = np.zeros(sizes.sum(), dtype=bool)
    answers[np.cumsum(sizes) - sizes] = True
    return _newton(
        np.concatenate(rows), answers, sizes, np.array(counts), expected, expected.copy(), prior
    )


def _files(one: Asked, passages: Floats) -> list[Floats]:
    """For each file that answers a question its numbers, and below them those of the files that do
    not."""
    sums = one.rows @ passages
    order = np.argsort(-sums, kind="stable")
    places = places_by_file(one.files[order].tolist())
    numbers = file_features(sums[order], one.rows[order], one.few, places).astype(np.float64)
    right = np.array([one.answers[order[own]].any() for own in places])
    others = numbers[~right][:_FILES]
    if not len(others):
        return []
    return [np.vstack([numbers[file], others]) for file in np.flatnonzero(right)]


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over ``questions`` of one kind: NDCG@10 of files, reciprocal rank of passages."""

    questions: int
    file_ndcg: float
    reciprocal_rank: float


def measure(asked: Sequence[Asked], learned: Sequence[Learned]) -> dict[str, Quality]:
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


def best(one: Asked, weights: Learned) -> npt.NDArray[np.intp]:
    """The candidates in the order in which a search shows them.

    :param one: a question.
    :param weights: as :func:`learn_both` gives them.
    """
    sums = one.rows @ weights.passages
    order = np.argsort(-sums, kind="stable")
    files = one.files[order].tolist()
    scores = spread(sums[order], one.rows[order], one.few, files, weights.files)
    return order[np.argsort(-scores, kind="stable")]


def _places(one: Asked, weights: Learned) -> tuple[float, float]:
    shown = best(one, weights)[:_DEPTH]
    meant = set(one.files[one.answers].tolist())
    by_file = [n for n, row in enumerate(shown) if int(one.files[row]) in meant]
    by_answer = [n for n, row in enumerate(shown) if one.answers[row]]
    return (
        1 / math.log2(2 + by_file[0]) if by_file else 0.0,
        1 / (1 + by_answer[0]) if by_answer else 0.0,
    )


def without_each(
    releases: Sequence[Sequence[Asked]],
    folds: int,
    labelled: Sequence[Sequence[Asked]] = (),
) -> tuple[list[Asked], list[Learned]]:
    """Weights for each question that were learned without its release.

    :param releases: their questions.
    :param folds: parts; as many as releases leaves out one at a time.
    :param labelled: as for :func:`learn_both`.
    """
    asked: list[Asked] = []
    learned: list[Learned] = []
    near = learn(releases)
    for fold in range(min(folds, len(releases))):
        others = [found for n, found in enumerate(releases) if n % folds != fold]
        weights = learn_both(others, labelled, near)
        for found in releases[fold::folds]:
            asked += found
            learned += [weights] * len(found)
    return asked, learned
