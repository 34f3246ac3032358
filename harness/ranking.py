"""Puts the candidates of one query in order: fusion of the ranked lists, then rules about code.

Pure functions, no I/O. The score of a chunk is

1. weighted reciprocal rank fusion of the lists by meaning and by words (Cormack et al. 2009),
   scaled so that the first of both lists has 1;
2. plus what its definitions and its path have in common with the query;
3. times the factor of its file's kind (tests, examples, shims… unless the query is about them);
4. plus a share of the rest of its file's best chunks (coherence).

The result is then picked greedily, chunks of a file already picked counting less each time.
What the query and the paths mean is read by :mod:`harness.query`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from harness.paths import path_factor, path_words, stem_words
from harness.query import Query, overlap, parse
from harness.sparse import word_parts
from harness.types import Candidate, CandidateLists

RRF_K = 30
"""Flattens the ranks; 60 in the paper, for lists of thousands. Ours have about 100."""

DENSE_PROSE = 0.5
DENSE_SYMBOL = 0.3
"""Share of the list by meaning. A name is found better by its letters than by its meaning."""

DEFINES_NAMED = 1.0
"""A chunk that defines the symbol asked for by name beats everything that only mentions it."""

DEFINES_WORD = 0.25
"""A definition called like a plain word of the question."""

NAME_OVERLAP = 0.3
"""All of the question's words occur in the names that the chunk defines."""

STEM_OVERLAP = 0.5
"""All words of the file's name are words of the question."""

PATH_OVERLAP = 0.2
"""All words of the question occur in the path."""

COHERENCE = 0.25
"""Share of the scores of a file's other good chunks that is added to its best one."""

COHERENT_CHUNKS = 5
"""Chunks of a file that count for coherence, so that long files do not win by length."""

REPEAT_DECAY = 0.6
"""Each further chunk of one file counts this times the one before."""


def identifiers(query: str) -> tuple[str, ...]:
    """Names, lower-case, that the query may ask the definition of; for the store's look-up.

    :param query: a question or a symbol.
    """
    return parse(query).names


def stems(query: str) -> tuple[str, ...]:
    """File names without extension, lower-case, that the query may mean; for the look-up.

    :param query: a question or a symbol.
    """
    return parse(query).stems


def rank(query: str, lists: CandidateLists, limit: int) -> list[tuple[Candidate, float]]:
    """The best chunks, best first, with their scores (comparable within one answer only).

    :param query: the question as it was asked.
    :param lists: over-fetched lists, about 100 each; a chunk may be in several.
    :param limit: most chunks to return.
    """
    meaning = parse(query)
    pool = _fuse(meaning, lists)
    scored = [
        (
            candidate,
            (base + _boost(meaning, candidate)) * path_factor(candidate.path, meaning.topics),
        )
        for candidate, base in pool
    ]
    return _pick(_cohere(scored), limit)


def _fuse(query: Query, lists: CandidateLists) -> list[tuple[Candidate, float]]:
    dense = DENSE_SYMBOL if query.is_symbol else DENSE_PROSE
    if not lists.dense or not lists.sparse:
        dense = 1.0 if lists.dense else 0.0
    scores: dict[str, float] = {}
    seen: dict[str, Candidate] = {}
    weighted: Sequence[tuple[float, tuple[Candidate, ...]]] = (
        (dense, lists.dense),
        (1.0 - dense, lists.sparse),
        # Found by look-up alone: no score of their own, the boosts decide.
        (0.0, lists.defined),
        (0.0, lists.stem),
    )
    for weight, ranked in weighted:
        for place, candidate in enumerate(ranked):
            seen.setdefault(candidate.id, candidate)
            scores[candidate.id] = scores.get(candidate.id, 0.0) + weight * (RRF_K + 1) / (
                RRF_K + 1 + place
            )
    return [(candidate, scores[identity]) for identity, candidate in seen.items()]


@lru_cache(maxsize=4096)
def _name_words(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for name in names for part in word_parts(name)))


def _boost(query: Query, candidate: Candidate) -> float:
    definitions = candidate.chunk.definitions
    lower = {name.lower() for name in definitions}
    boost = 0.0
    if not lower.isdisjoint(query.symbols):
        boost += DEFINES_NAMED
    elif not lower.isdisjoint(query.names):
        boost += DEFINES_WORD
    if query.terms:
        boost += NAME_OVERLAP * overlap(query.terms, _name_words(definitions))
        boost += STEM_OVERLAP * overlap(stem_words(candidate.path), query.terms)
        boost += PATH_OVERLAP * overlap(query.terms, path_words(candidate.path))
    return boost


def _cohere(scored: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Lift each file's best chunk by a share of its next best ones."""
    files: dict[tuple[str, str], list[tuple[Candidate, float]]] = defaultdict(list)
    for entry in scored:
        files[entry[0].repo, entry[0].path].append(entry)
    lifted: list[tuple[Candidate, float]] = []
    for entries in files.values():
        entries.sort(key=lambda entry: (-entry[1], entry[0].chunk.start_line))
        (best, score), *others = entries
        share = sum(other for _, other in others[: COHERENT_CHUNKS - 1])
        lifted.append((best, score + COHERENCE * share))
        lifted.extend(others)
    return lifted


def _pick(scored: list[tuple[Candidate, float]], limit: int) -> list[tuple[Candidate, float]]:
    """Decay repeated chunks of one file by their order within it, then sort."""
    scored.sort(key=_order)
    taken: dict[tuple[str, str], int] = defaultdict(int)
    picked: list[tuple[Candidate, float]] = []
    for candidate, score in scored:
        file = (candidate.repo, candidate.path)
        picked.append((candidate, score * REPEAT_DECAY ** taken[file]))
        taken[file] += 1
    picked.sort(key=_order)
    return picked[:limit]


def _order(entry: tuple[Candidate, float]) -> tuple[float, str, str, int]:
    # Equal scores fall back on the place in the repository: the same answer every time.
    candidate, score = entry
    return (-score, candidate.repo, candidate.path, candidate.chunk.start_line)
