"""Which file is meant: the second step of ranking, over what the first says of its passages.

Whoever asks in a few words means a file more often than a passage, and a long file has by chance a
passage that fits. So each file is judged again, by a few numbers of its best passage and of all of
them; the passages of a file keep their order. Pure functions.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from harness.search.features import FEATURES
from harness.search.query import Query
from harness.types import FloatArray

FEW = 3
"""Content words up to which a question is one of few words; with twice as many it is so by half."""

REPEATED, REPEATED_IN_FEW_WORDS = 1.0, 2.0
"""What a file's second passage loses, always and as much as the question is one of few words: other
files are shown early, yet one that is clearly meant keeps several places. Whoever describes what
a passage does, in many words, means that passage and not its file."""

_ALWAYS = ("file is named so", "file in dense scores", "file's last line", "file is no source")
_IN_FEW_WORDS = ("names say it", "dense score", "lexical score", "file's last line")

FILE_FEATURES = ("best passage", "rise", *_ALWAYS, *(f"few words: {n}" for n in _IN_FEW_WORDS))
"""What is known of a file. ``best passage``: its score. ``rise``: from this to the logarithm of the
sum of all its passages' likelihoods. The others are :data:`FEATURES` of the best passage, some of
them as much as the question is one of few words. For a name only the first two count."""

_OF_ROW = [FEATURES.index(name) for name in _ALWAYS]
_OF_ROW_IN_FEW_WORDS = [FEATURES.index(name) for name in _IN_FEW_WORDS]


def few_words(query: Query) -> float:
    """How much a question is one of few words, 0 to 1; 0 for a name.

    :param query: what is asked.
    """
    return 0.0 if query.by_letters else min(1.0, FEW / max(1, len(query.terms)))


def lost(before: int, few: float) -> float:
    """What a passage loses for those of its file that come before it: with the root of their
    number, as the fifth is hardly less likely to be meant than the fourth.

    :param before: how many there are.
    :param few: as :func:`few_words` gives it; a name, for which it is 0, has few words as well.
    """
    return (REPEATED + REPEATED_IN_FEW_WORDS * (few or 1.0)) * math.sqrt(before)


def places_by_file(files: Sequence[Hashable]) -> list[list[int]]:
    """The places of each file's passages.

    :param files: the file of each passage, ``(n,)``.
    """
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, file in enumerate(files):
        places[file].append(place)
    return list(places.values())


def file_features(
    scores: FloatArray, rows: FloatArray, few: float, places: Sequence[Sequence[int]]
) -> FloatArray:
    """The numbers of files, ``(len(places), len(FILE_FEATURES))``.

    :param scores: of their passages, best first, ``(n,)``.
    :param rows: features of these, ``(n, len(FEATURES))``.
    :param few: as :func:`few_words` gives it.
    :param places: as :func:`places_by_file` gives them.
    """
    first = [own[0] for own in places]
    best = scores[first]
    # Most files have a few passages, for which numpy takes ten times as long.
    plain = scores.tolist()
    rise = [
        math.log(sum(math.exp(plain[place] - plain[own[0]]) for place in own))
        if len(own) > 1
        else 0.0
        for own in places
    ]
    chosen = rows[first] * (few > 0)
    return np.column_stack(
        [best, rise, chosen[:, _OF_ROW], few * chosen[:, _OF_ROW_IN_FEW_WORDS]]
    ).astype(np.float32)


def spread(
    scores: FloatArray,
    rows: FloatArray,
    few: float,
    files: Sequence[Hashable],
    weights: FloatArray,
) -> FloatArray:
    """Give each file's best passage the score of the file, and lower the others in turn, ``(n,)``.

    :param scores: of passages, best first, ``(n,)``.
    :param rows: features of these, ``(n, len(FEATURES))``.
    :param few: as :func:`few_words` gives it.
    :param files: the file of each, ``(n,)``.
    :param weights: of :data:`FILE_FEATURES`.
    """
    places = places_by_file(files)
    numbers = file_features(scores, rows, few, places)
    of_file = numbers @ weights
    # The others add to the best passage, not to themselves.
    without_rise = (of_file - numbers[:, 1] * weights[1]).tolist()
    result = scores.tolist()
    for own, of_best, base in zip(places, of_file.tolist(), without_rise, strict=True):
        moved = base - result[own[0]]
        result[own[0]] = of_best
        for before, place in enumerate(own[1:], start=1):
            result[place] += moved - lost(before, few)
    return np.array(result, dtype=np.float32)
