"""What is known of each candidate of a query, as numbers that the ranking weighs.

Pure functions, no I/O. A row for each candidate, a column for each of :data:`FEATURES`; most
numbers lie between 0 and 1, so that their weights can be compared. What a query means is read by
:mod:`harness.search.query`, what a path means by :mod:`harness.search.path_kinds`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from harness.folding import fold
from harness.search.path_kinds import (
    FACTORS,
    name_words,
    path_kinds,
    path_words,
    stem_words,
)
from harness.search.query import Query
from harness.search.word_roots import Terms, word_root
from harness.types import Candidate, CandidateLists, FloatArray

PLACES = 20
"""A candidate's place in a list counts ``PLACES / (PLACES + place)``, the first 1: reciprocal ranks
(Cormack et al. 2009), flattened less than in the paper, whose lists are longer."""

COMMON_TERM = 0.2
"""Weight of a word that every candidate contains, compared with 1 for one that none does: in a
library of commands, "command" distinguishes nothing."""

OTHER_CHUNKS = 3
"""Further chunks of a file that speak for it, so that long files do not win by their length."""

KINDS = tuple(f"is {kind}" for kind in FACTORS)
_SHAPES = ("function", "class", "section", "data", "no code")
_SHAPE_OF = {
    "function": ("function",), "method": ("function",), "class": ("class",),
    "section": ("section",), "data": ("data",), "text": ("no code",),
}  # fmt: skip

FEATURES = (
    "dense place, words asked", "dense place, name asked", "dense score",
    "lexical place, words asked", "lexical place, name asked", "lexical score", "in both lists",
    "defines the name", "defines a word", "names say it", "names say only that",
    "text says it", "text says it together", "path says it", "stem is meant",
    "lacks the name", "file in dense", "file in lexical", "file says it",
    *KINDS, *_SHAPES, "log lines", "log definitions", "depth",
)  # fmt: skip


def pool_of(lists: CandidateLists) -> list[Candidate]:
    """Every candidate once, in the order of the lists.

    :param lists: of one query.
    """
    seen: dict[str, Candidate] = {}
    for ranked in (lists.dense, lists.lexical, lists.defined, lists.stem, lists.named):
        for candidate in ranked:
            seen.setdefault(candidate.id, candidate)
    return list(seen.values())


def features(query: Query, lists: CandidateLists, pool: Sequence[Candidate]) -> FloatArray:
    """The numbers of all candidates, ``(len(pool), len(FEATURES))``.

    :param query: what is asked.
    :param lists: what was found, best first.
    :param pool: as :func:`pool_of` gives it.
    """
    terms = _Terms(query, pool)
    at = {candidate.id: row for row, candidate in enumerate(pool)}
    columns: dict[str, FloatArray] = {}
    for name, ranked in (("dense", lists.dense), ("lexical", lists.lexical)):
        columns[f"{name} place"], columns[f"{name} score"] = _places(ranked, at)
        columns[f"{name} place, words asked"] = columns[f"{name} place"] * (not query.by_letters)
        columns[f"{name} place, name asked"] = columns[f"{name} place"] * query.by_letters
    columns["in both lists"] = np.minimum(
        np.sign(columns["dense place"]), np.sign(columns["lexical place"])
    )
    chunks = [candidate.chunk for candidate in pool]
    names = [frozenset(map(fold, chunk.definitions)) for chunk in chunks]
    words = frozenset(query.names)
    columns["defines the name"] = _floats([not n.isdisjoint(query.symbols) for n in names])
    columns["defines a word"] = _floats(
        [
            terms.weight_of(n & words) if n.isdisjoint(query.symbols) and n & words else 0.0
            for n in names
        ]
    )
    columns["names say it"] = _floats([terms.covered(name_words(c.definitions)) for c in chunks])
    columns["names say only that"] = _floats(
        [max([terms.named(name) for name in c.definitions], default=0.0) for c in chunks]
    )
    columns["text says it"] = terms.in_texts()
    columns["text says it together"] = columns["text says it"] ** 2
    columns["path says it"] = _floats([terms.covered(path_words(c.path)) for c in pool])
    columns["stem is meant"] = _floats([terms.meant(stem_words(c.path)) for c in pool])
    columns["lacks the name"] = _lacking(query, pool, terms.texts)
    columns |= _of_files(pool, columns, terms)
    columns |= _marked(KINDS, [_kinds(candidate, query) for candidate in pool])
    columns |= _marked(_SHAPES, [_SHAPE_OF.get(chunk.kind, ()) for chunk in chunks])
    if not query.topics.isdisjoint(("config", "docs")):
        # What is not code is what was asked for.
        columns |= {
            name: np.zeros(len(pool), np.float32) for name in ("section", "data", "no code")
        }
    columns["log lines"] = _logs([2 + c.end_line - c.start_line for c in chunks], 8)
    columns["log definitions"] = _logs([1 + len(c.definitions) for c in chunks], 4)
    columns["depth"] = _floats([min(8, c.path.count("/")) / 8 for c in pool])
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _floats(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float32)


def _logs(values: Sequence[int], largest: int) -> FloatArray:
    """Logarithms to the base 2, as shares of the largest that is usual."""
    return _floats([math.log2(value) / largest for value in values])


def _marked(names: Sequence[str], marks: Sequence[Iterable[str]]) -> dict[str, FloatArray]:
    """A column for each name: 1 where a row is marked with it."""
    at = {name: column for column, name in enumerate(names)}
    found = np.zeros((len(names), len(marks)), np.float32)
    for row, marked in enumerate(marks):
        for name in marked:
            found[at[name], row] = 1.0
    return dict(zip(names, found, strict=True))


def _places(ranked: Sequence[Candidate], at: dict[str, int]) -> tuple[FloatArray, FloatArray]:
    """Each candidate's place and score in a list, the first 1; 0 for those that are not in it."""
    places, scores = np.zeros(len(at), np.float32), np.zeros(len(at), np.float32)
    first = max((candidate.score for candidate in ranked), default=0.0)
    last = min((candidate.score for candidate in ranked), default=0.0)
    for place, candidate in enumerate(ranked):
        row = at[candidate.id]
        if not places[row]:
            places[row] = PLACES / (PLACES + place)
            scores[row] = (candidate.score - last) / (first - last) if first > last else 1.0
    return places, scores


def _kinds(candidate: Candidate, query: Query) -> list[str]:
    """The kinds of a candidate's file that the query is not about; a test also for what is in a
    module of tests inside ordinary source, usual in Rust and a namespace in C#, unless it defines
    what was asked for by name."""
    kinds = [f"is {kind}" for kind in path_kinds(candidate.path) if kind not in query.topics]
    chunk = candidate.chunk
    symbol = chunk.symbol.lower()
    if "test" in query.topics or "tests" not in symbol or "tests" not in symbol.split("."):
        return kinds
    if any(fold(name) in query.symbols for name in chunk.definitions):
        return kinds
    return [*kinds, "is test"]


def _lacking(query: Query, pool: Sequence[Candidate], texts: Sequence[str]) -> FloatArray:
    """1 for what has only parts of the one name that is asked for, when others have it whole."""
    if not query.sought:
        return np.zeros(len(pool), np.float32)
    lacks = [
        query.sought not in text and query.sought not in fold(candidate.path)
        for candidate, text in zip(pool, texts, strict=True)
    ]
    return _floats(lacks) if not all(lacks) else np.zeros(len(pool), np.float32)


def _of_files(
    pool: Sequence[Candidate], columns: dict[str, FloatArray], terms: _Terms
) -> dict[str, FloatArray]:
    """What the other candidates of a file say for it."""
    rows_of: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, candidate in enumerate(pool):
        rows_of[candidate.repo, candidate.path].append(row)
    shape = len(pool)
    dense, lexical, says = (np.zeros(shape, np.float32) for _ in range(3))
    for rows in rows_of.values():
        says[rows] = terms.in_any(rows)
        if len(rows) > 1:
            dense[rows] = _others(columns["dense place"][rows])
            lexical[rows] = _others(columns["lexical place"][rows])
    return {"file in dense": dense, "file in lexical": lexical, "file says it": says}


def _others(values: FloatArray) -> FloatArray:
    """For each value the sum of the largest others."""
    order = np.sort(values)[::-1]
    top, next_one = order[:OTHER_CHUNKS].sum(), order[: OTHER_CHUNKS + 1].sum()
    least = order[min(OTHER_CHUNKS, len(order)) - 1]
    result: FloatArray = np.where(values >= least, next_one - values, top) / OTHER_CHUNKS
    return result


class _Terms:
    """The query's words among the candidates. Words weigh more the fewer candidates have them."""

    def __init__(self, query: Query, pool: Sequence[Candidate]) -> None:
        self._query = query
        self.texts = [fold(candidate.chunk.text) for candidate in pool]
        self._terms = Terms(query.terms)
        roots = [word_root(term) for term in query.terms]
        # A root found inside another word counts too: exact enough for a share of hundreds.
        self._has = np.array(
            [[root in text for root in roots] for text in self.texts], dtype=np.float32
        ).reshape(len(pool), len(roots))
        shares = self._has.mean(axis=0) if pool else np.zeros(len(roots))
        values: FloatArray = (1.0 - (1.0 - COMMON_TERM) * shares).astype(np.float32)
        self._weights: dict[str, float] = dict(zip(query.terms, values.tolist(), strict=True))
        self._values = values
        self._total = sum(self._weights.values()) or 1.0
        self._covered: dict[tuple[str, ...], float] = {}
        self._meant: dict[tuple[str, ...], float] = {}
        self._named: dict[str, float] = {}

    def weight_of(self, names: frozenset[str]) -> float:
        """The largest weight of some words of the query; 1 for those joined of several."""
        known = [self._weights[name] for name in names if name in self._weights]
        return max(known, default=1.0) if names else 0.0

    def in_texts(self) -> FloatArray:
        """Share of the query's words, by weight, in each text."""
        share: FloatArray = self._has @ self._values / self._total
        return share

    def in_any(self, rows: Sequence[int]) -> float:
        """The same for several texts together."""
        return float(self._has[rows].max(axis=0, initial=0.0) @ self._values / self._total)

    def covered(self, words: tuple[str, ...]) -> float:
        """Share of the query's words, by weight, that are among these."""
        return _kept(self._covered, words, self._share_covered)

    def meant(self, words: tuple[str, ...]) -> float:
        """Share of these words that are in the query, each by the weight of its term."""
        return _kept(self._meant, words, self._share_meant)

    def named(self, name: str) -> float:
        """The same for the words of one name."""
        value = self._named.get(name)
        if value is None:
            value = self._named[name] = self.meant(name_words((name,)))
        return value

    def _share_covered(self, words: tuple[str, ...]) -> float:
        terms = {term for word in words for term in self._terms.like(word)}
        return (
            sum([weight for term, weight in self._weights.items() if term in terms]) / self._total
        )

    def _share_meant(self, words: tuple[str, ...]) -> float:
        found = 0.0
        for word in words:
            if word in self._query.initials:
                found += 1.0
            elif terms := self._terms.like(word):
                found += max([self._weights[term] for term in terms])
        return found / max(1, len(words))


def _kept(
    known: dict[tuple[str, ...], float],
    words: tuple[str, ...],
    compute: Callable[[tuple[str, ...]], float],
) -> float:
    """A value that candidates share: chunks of a file its path, of a definition its names."""
    value = known.get(words)
    if value is None:
        value = known[words] = compute(words)
    return value
