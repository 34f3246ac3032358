"""Puts the candidates of one query in order: fusion of the ranked lists, then rules about code.

Pure functions, no I/O. The score of a chunk is

1. weighted reciprocal rank fusion of the dense and the lexical list (Cormack et al. 2009),
   scaled so that the first of both lists has 1;
2. plus what its definitions and its path have in common with the query;
3. times the factor of its kind (tests, examples, shims… unless the query is about them);
4. for the best chunk of a file, plus a share of its next best (coherence); for the others, less
   each time (decay);
5. plus, in a file that the query names, a bonus above everything else for the chunk at the line
   that it names, or else for the best one: whoever names a file means it, whatever its kind.

The constants lie on plateaus: chosen on the labelled queries of ``benchmarks/`` together with
descriptions of functions from other code bases in four languages, see ``benchmarks/README.md``.
What a query means is read by :mod:`harness.search.query`, what a path means by
:mod:`harness.search.path_kinds`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from harness.folding import fold
from harness.search.mentions import WEAK, likeness
from harness.search.path_kinds import (
    FACTORS,
    name_words,
    path_factor,
    path_words,
    stem_words,
    titles,
)
from harness.search.query import Query
from harness.search.word_roots import Terms, word_root
from harness.types import Candidate, CandidateLists

RRF_K = 20
"""Flattens the ranks. The paper has 60, for lists of a thousand; of our 100 the first few matter
more. 10 to 30 are equally good."""

DENSE_PROSE = 0.65
DENSE_SYMBOL = 0.3
"""Share of the dense list. A name is found better by its letters than by its meaning."""

DEFINES_NAMED = 1.0
"""A chunk that defines the symbol asked for by name beats everything that only mentions it."""

DEFINES_WORD = 0.25
"""A definition whose name is a plain word of the question: a hint only, as words are ambiguous."""

NAME_OVERLAP = 1.0
"""All of the question's words occur in the names that the chunk defines. Functions are named after
what they do, so this is the strongest sign for questions that describe one."""

WITHOUT_NAME = 0.3
"""Factor of what has only parts of the one name that is asked for, such as ``parseRow`` for
``parseRows``, when other candidates have it whole. A use of the name says more than a definition of
one like it, also in languages whose definitions are not known."""

STEM_OVERLAP = 0.4
"""All words of the file's stem are words of the question. A larger value helps questions about
whole files and hurts those about one function."""

PATH_OVERLAP = 0.2
"""All words of the question occur in the path."""

COMMON_TERM = 0.2
"""Weight of a word that every candidate contains, compared with 1 for one that none does: in a
library of commands, "command" distinguishes nothing."""

COHERENCE = 0.2
"""Share of the scores of a file's other good chunks that is added to its best one."""

COHERENT_CHUNKS = 4
"""Chunks of a file that count for coherence, so that long files do not win by their length."""

REPEAT_DECAY = 0.8
"""Factor of each further chunk of a file, next to the one before: other files are shown early,
yet a file that is clearly meant keeps several places."""

NAMED_FILE = 10.0
"""More than all of the above can add up to."""

NAMED_WEAKLY = 1.0
"""Bonus when only the name is the same and it may as well mean something else."""


def rank(query: Query, lists: CandidateLists, limit: int) -> list[tuple[Candidate, float]]:
    """The best chunks, best first, with their scores (comparable within one answer only).

    A filter needs no rule of its own: when only tests may be returned, all candidates are tests
    and their factor changes nothing.

    :param lists: over-fetched lists, about 100 each; a chunk may be in several.
    :param limit: most chunks to return.
    """
    pool = _fuse(query, lists)
    boosts = _Boosts(query, [candidate for candidate, _ in pool])
    scored = [
        (
            candidate,
            (base + boosts.of(candidate)) * boosts.factor(candidate) * _factor(candidate, query),
        )
        for candidate, base in pool
    ]
    return sorted(_lift_named(query, _spread(scored)), key=_order)[:limit]


def _factor(candidate: Candidate, query: Query) -> float:
    """The factor of the file's kind; or that of tests for a module of tests inside ordinary source,
    usual in Rust and a namespace in C#, unless it defines what was asked for by name."""
    factor = path_factor(candidate.path, query.topics)
    chunk = candidate.chunk
    symbol = chunk.symbol.lower()
    if "test" in query.topics or "tests" not in symbol or "tests" not in symbol.split("."):
        return factor
    if any(fold(name) in query.symbols for name in chunk.definitions):
        return factor
    return min(factor, FACTORS["test"])


def _fuse(query: Query, lists: CandidateLists) -> list[tuple[Candidate, float]]:
    dense = DENSE_SYMBOL if query.by_letters else DENSE_PROSE
    if not lists.dense or not lists.lexical:
        dense = 1.0 if lists.dense else 0.0
    scores: dict[str, float] = {}
    seen: dict[str, Candidate] = {}
    weighted: Sequence[tuple[float, tuple[Candidate, ...]]] = (
        (dense, lists.dense),
        (1.0 - dense, lists.lexical),
        # Found by look-up alone: no score of their own, the boosts decide.
        (0.0, lists.defined),
        (0.0, lists.stem),
        (0.0, lists.named),
    )
    for weight, ranked in weighted:
        for place, candidate in enumerate(ranked):
            seen.setdefault(candidate.id, candidate)
            scores[candidate.id] = scores.get(candidate.id, 0.0) + weight * (RRF_K + 1) / (
                RRF_K + 1 + place
            )
    return [(candidate, scores[identity]) for identity, candidate in seen.items()]


class _Boosts:
    """What definitions and paths have in common with one query. Terms weigh more the fewer of the
    candidates contain them."""

    def __init__(self, query: Query, pool: Sequence[Candidate]) -> None:
        self._query = query
        self._names = frozenset(query.names)
        texts = [fold(candidate.chunk.text) for candidate in pool]
        self._with_name = frozenset(
            candidate.id
            for candidate, text in zip(pool, texts, strict=True)
            if query.sought and (query.sought in text or query.sought in fold(candidate.path))
        )
        self._weights = {term: _weight(term, texts) for term in query.terms}
        self._total = sum(self._weights.values()) or 1.0
        self._terms = Terms(self._weights)
        # Candidates share paths, and chunks of one definition share names.
        self._covered: dict[tuple[str, ...], float] = {}
        self._meant: dict[tuple[str, ...], float] = {}

    def of(self, candidate: Candidate) -> float:
        """The boost of one candidate: 0 when nothing is in common."""
        names = {fold(name) for name in candidate.chunk.definitions}
        boost = 0.0
        if not names.isdisjoint(self._query.symbols):
            boost += DEFINES_NAMED
        elif not names.isdisjoint(self._names):
            boost += DEFINES_WORD * max(
                (self._weights[name] for name in names if name in self._weights), default=1.0
            )
        boost += NAME_OVERLAP * self._query_covered(name_words(candidate.chunk.definitions))
        boost += STEM_OVERLAP * self._words_meant(stem_words(candidate.path))
        return boost + PATH_OVERLAP * self._query_covered(path_words(candidate.path))

    def factor(self, candidate: Candidate) -> float:
        """WITHOUT_NAME for a chunk without the one name that is asked for, when others have it."""
        missing = self._with_name and candidate.id not in self._with_name
        return WITHOUT_NAME if missing else 1.0

    def _query_covered(self, words: tuple[str, ...]) -> float:
        """Share of the query's terms, by weight, found among the words."""
        share = self._covered.get(words)
        if share is None:
            terms = {term for word in words for term in self._terms.like(word)}
            found = sum([weight for term, weight in self._weights.items() if term in terms])
            share = self._covered[words] = found / self._total
        return share

    def _words_meant(self, words: tuple[str, ...]) -> float:
        """Share of the words found in the query, each by the weight of its term."""
        share = self._meant.get(words)
        if share is None:
            found = 0.0
            for word in words:
                if word in self._query.initials:
                    found += 1.0
                elif terms := self._terms.like(word):
                    found += max([self._weights[term] for term in terms])
            share = self._meant[words] = found / max(1, len(words))
        return share


def _weight(term: str, texts: Sequence[str]) -> float:
    """How much a term tells the texts apart: 1 when it is in none, COMMON_TERM when in all."""
    root = word_root(term)
    # A root found inside another word counts too: exact enough for a share of hundreds.
    found = len([None for text in texts if root in text])
    return 1.0 - (1.0 - COMMON_TERM) * found / max(1, len(texts))


def _spread(scored: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Lift each file's best chunk by a share of its next best ones, decay the others in turn."""
    files: dict[tuple[str, str], list[tuple[Candidate, float]]] = defaultdict(list)
    for entry in scored:
        files[entry[0].repo, entry[0].path].append(entry)
    result: list[tuple[Candidate, float]] = []
    for entries in files.values():
        entries.sort(key=_order)
        (best, score), *others = entries
        share = sum(other for _, other in others[: COHERENT_CHUNKS - 1])
        result.append((best, score + COHERENCE * share))
        result.extend(
            (candidate, other * REPEAT_DECAY**place)
            for place, (candidate, other) in enumerate(others, start=1)
        )
    return result


def _lift_named(
    query: Query, scored: list[tuple[Candidate, float]]
) -> list[tuple[Candidate, float]]:
    """Add the bonus of files that the query names."""
    if not query.mentions and not query.title:
        return scored
    files: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place in sorted(range(len(scored)), key=lambda place: _order(scored[place])):
        files[scored[place][0].repo, scored[place][0].path].append(place)
    bonus: dict[int, float] = {}
    for (repo, path), places in files.items():
        surest = max((likeness(mention, repo, path) for mention in query.mentions), default=0.0)
        if query.title and query.title in titles(path):
            surest = max(surest, WEAK)
        if not surest:
            continue
        value = NAMED_FILE + surest if surest >= 2 * WEAK else NAMED_WEAKLY + surest
        lines = {
            mention.line
            for mention in query.mentions
            if mention.line and likeness(mention, repo, path) + WEAK > surest
        }
        for line in lines or {0}:
            bonus[min(places, key=lambda place: _distance(scored[place][0], line))] = value
    return [(found, score + bonus.get(place, 0.0)) for place, (found, score) in enumerate(scored)]


def _distance(candidate: Candidate, line: int) -> int:
    """Lines between a chunk and a line; 0 when it holds it, and for line 0."""
    if not line:
        return 0
    return max(candidate.chunk.start_line - line, line - candidate.chunk.end_line, 0)


def _order(entry: tuple[Candidate, float]) -> tuple[float, str, str, int]:
    # Equal scores fall back on the place in the repository: the same answer every time.
    candidate, score = entry
    return (-score, candidate.repo, candidate.path, candidate.chunk.start_line)
