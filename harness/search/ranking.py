"""Puts the candidates of one query in order: passages, then files, both by learned weighted sums.

Pure functions, no I/O but the weights' file. The score of a chunk is

1. the sum of what is known of it (:mod:`harness.search.features`), each number times its weight
   (:mod:`harness.search.weights`). The weights are learned as a listwise logistic regression, so
   that of two candidates the one with a score higher by 1 is e times as likely to be meant;
2. when a name of several words is asked for or mentioned, plus a bonus for what defines it;
3. for the best chunk of a file the score of the file (:mod:`harness.search.file_ranking`), learned
   in the same way; for the others as much higher or lower as this is, and less each time, so that
   other files are shown early;
4. in a file that the query names, plus a bonus above everything else for the chunk at the line
   that it names, or else for the best one: whoever names a file means it, whatever its kind.

The bonuses are set by hand: the questions that weights are learned from name no files, and their
code bases are small enough for a definition to be in every list.
``benchmarks/README.md`` has what was tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from harness.search import weights
from harness.search.features import FEATURES, features, pool_of
from harness.search.file_ranking import FILE_FEATURES, few_words, lost, spread
from harness.search.mentions import WEAK, likeness
from harness.search.path_kinds import folded_names, titles
from harness.search.query import Query
from harness.types import Candidate, CandidateLists, FloatArray

DEFINES_ASKED = 2.0
"""A chunk that defines the name asked for beats everything that only mentions it, also where so
much does that the definition is in no list but that of definitions. Up to 8 is as good. Not
for a plain word: who asks for "session" means the file that is about it."""

NAMED_FILE = 100.0
"""More than all of the above can add up to."""

NAMED_WEAKLY = 6.0
"""Bonus when only the name is the same and it may as well mean something else: more than a long
file gets because many of its passages fit a little, and than what is no source loses as a file. 4
gives the labelled questions the same order."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place. ``score`` is comparable within one answer only. ``row``: its
    numbers, one for each of :data:`FEATURES`; ``of_file``: what its file added, and ``more``: what
    the rules did."""

    candidate: Candidate
    score: float
    row: FloatArray = field(compare=False)
    of_file: float
    more: float

    def parts(self) -> dict[str, float]:
        """What the score is the sum of, the most telling first; what counts nothing left out."""
        weighed = (self.row * weights.shipped_for(FEATURES)).tolist()
        names = (*FEATURES, "file", "rules")
        values = (*weighed, self.of_file, self.more)
        # Most count nothing, and every search asks for the parts of each passage that it shows.
        parts = [(-abs(v), name, v) for name, v in zip(names, values, strict=True) if v]
        parts.sort(key=itemgetter(0))
        return {name: shown for _, name, v in parts if (shown := round(v, 3))}


def rank(query: Query, lists: CandidateLists, limit: int) -> list[Ranked]:
    """The best chunks, best first.

    :param lists: over-fetched lists, about 100 each; a chunk may be in several.
    :param limit: most chunks to return.
    """
    pool = pool_of(lists)
    rows = features(query, lists, pool)
    learned = (rows @ weights.shipped_for(FEATURES)).tolist()
    # Equal scores fall back on the place in the repository: the same answer every time.
    places = [(one.repo, one.path, one.chunk.start_line) for one in pool]
    sums = learned
    if query.compounds:
        sums = [
            score + DEFINES_ASKED * (not query.compounds.isdisjoint(folded_names(names)))
            for score, names in zip(learned, (one.chunk.definitions for one in pool), strict=True)
        ]
    order = sorted(range(len(pool)), key=lambda at: (-sums[at], places[at]))
    found = spread(
        np.array([sums[at] for at in order], dtype=np.float32),
        rows[order],
        few_words(query),
        [places[at][:2] for at in order],
        weights.shipped_for_files(FILE_FEATURES),
    )
    scores = dict(zip(order, found.tolist(), strict=True))
    of_file = {at: score - sums[at] for at, score in scores.items()}
    if query.mentions or query.title:
        lifted = _lift_named(query, pool, scores, places)
        scores = {at: score + lifted.get(at, 0.0) for at, score in scores.items()}
    best = sorted(order, key=lambda at: (-scores[at], places[at]))[:limit]
    return [
        Ranked(pool[at], scores[at], rows[at], of_file[at], scores[at] - of_file[at] - learned[at])
        for at in best
    ]


def _lift_named(
    query: Query,
    pool: Sequence[Candidate],
    scores: Mapping[int, float],
    order: Sequence[tuple[str, str, int]],
) -> dict[int, float]:
    """The bonus of chunks in files that the query names, by their place in the pool.

    :param scores: of each place.
    :param order: of each place what decides between equal scores.
    """
    files: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, candidate in enumerate(pool):
        files[candidate.repo, candidate.path].append(at)
    bonus: dict[int, float] = {}
    few = few_words(query)
    for (repo, path), places in files.items():
        surest = max([likeness(mention, repo, path) for mention in query.mentions], default=0.0)
        if query.title and query.title in titles(path):
            surest = max(surest, WEAK)
        if not surest:
            continue
        places.sort(key=lambda at: (-scores[at], order[at]))
        value = NAMED_FILE + surest if surest >= 2 * WEAK else NAMED_WEAKLY + surest
        lines = {
            mention.line
            for mention in query.mentions
            if mention.line and likeness(mention, repo, path) + WEAK > surest
        }
        meant = {
            min(range(len(places)), key=lambda at: _distance(pool[places[at]], line))
            for line in lines or {0}
        }
        for before, at in enumerate(sorted(meant)):
            # In a long file the chunk at a line may be the fiftieth by its words, which would cost
            # it more than the bonus: only those that are named as well count as before it.
            bonus[places[at]] = value + lost(at, few) - lost(before, few)
    return bonus


def _distance(candidate: Candidate, line: int) -> int:
    """Lines between a chunk and a line; 0 when it holds it, and for line 0."""
    if not line:
        return 0
    return max(candidate.chunk.start_line - line, line - candidate.chunk.end_line, 0)
