"""What is known of each candidate of a query, as numbers that the ranking weighs.

Pure functions, no I/O but that of :mod:`harness.search.meanings`. A row for each candidate, a
column for each of :data:`FEATURES`; most numbers lie between 0 and 1, so that their weights can be
compared. What a query means is read by :mod:`harness.search.query`, what a path means by
:mod:`harness.search.path_kinds`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from harness.folding import fold
from harness.search.candidate_files import CandidateFiles
from harness.search.meanings import names_near
from harness.search.path_kinds import (
    FACTORS,
    folded_names,
    name_words,
    path_kinds,
    path_words,
    stem_words,
)
from harness.search.query import Query, asks_for_tests
from harness.search.word_roots import Terms, word_root
from harness.types import Candidate, CandidateLists, Chunk, FloatArray

PLACES = 20
"""A candidate's place in a list counts ``PLACES / (PLACES + place)``, the first 1: reciprocal ranks
(Cormack et al. 2009), flattened less than in the paper, whose lists are longer."""

COMMON_TERM = 0.2
"""Weight of a word that every candidate contains, compared with 1 for one that none does: in a
library of commands, "command" distinguishes nothing."""

KINDS = tuple(f"is {kind}" for kind in FACTORS)
_KIND_AT = {kind: column for column, kind in enumerate(FACTORS)}
_SHAPES = ("function", "class", "section", "data", "no code")
_SHAPE_OF = {
    "function": "function", "method": "function", "class": "class", "section": "section",
    "data": "data", "text": "no code",
}  # fmt: skip
_SHAPE_AT = {kind: _SHAPES.index(shape) for kind, shape in _SHAPE_OF.items()}

FEATURES = (
    "dense place, words asked", "dense place, name asked", "dense score",
    "lexical place, words asked", "lexical place, name asked", "lexical score", "in both lists",
    "defines the name", "defines a word", "names say it", "names say only that",
    "symbol means it", "names mean it",
    "text says it", "text says it together", "path says it", "stem is meant",
    "lacks the name", "file in dense", "file in lexical", "file says it",
    *KINDS, *_SHAPES, "log lines", "log definitions", "depth",
    "file is named so", "file in dense scores", "file's last line", "file is no source",
)  # fmt: skip

OF_FILES_ONLY = (
    "file is named so", "file in dense scores", "file's last line", "file is no source",
)  # fmt: skip
"""What tells files apart and not passages: only :mod:`harness.search.file_ranking` weighs it."""

_NONE: frozenset[str] = frozenset()


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

    Candidates share files, and definitions their names: what depends on these alone is computed
    once for each, which is most of what there is to do.

    :param query: what is asked.
    :param lists: what was found, best first.
    :param pool: as :func:`pool_of` gives it.
    """
    terms = _Terms(query, pool)
    files = CandidateFiles(pool)
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
    definitions = [chunk.definitions for chunk in chunks]
    names = [folded_names(own) for own in definitions]
    words = frozenset(query.names)
    defines = [not query.symbols.isdisjoint(own) for own in names]
    columns["defines the name"] = _floats(defines)
    columns["defines a word"] = _floats(
        [
            0.0 if name or words.isdisjoint(own) else terms.weight_of(words.intersection(own))
            for own, name in zip(names, defines, strict=True)
        ]
    )
    telling = terms.telling(definitions)
    columns["names say it"] = _once_each(definitions, telling, terms.in_names)
    columns["names say only that"] = _once_each(definitions, telling, terms.best_named)
    columns["symbol means it"], columns["names mean it"] = names_near(query, chunks)
    columns["text says it"] = terms.in_texts()
    columns["text says it together"] = columns["text says it"] ** 2
    columns["path says it"] = files.each(terms.in_path)
    columns["stem is meant"] = files.each(terms.stem_meant)
    columns["lacks the name"] = _lacking(query, pool, terms.texts)
    columns["file in dense"] = files.others(columns["dense place"])
    columns["file in lexical"] = files.others(columns["lexical place"])
    columns["file says it"] = files.gather(terms.in_any(files))
    columns |= _kinds(query, pool, files, defines)
    columns |= _shapes(chunks)
    if not query.topics.isdisjoint(("config", "docs")):
        # What is not code is what was asked for.
        columns |= {
            name: np.zeros(len(pool), np.float32) for name in ("section", "data", "no code")
        }
    columns["log lines"] = _logs([2 + c.end_line - c.start_line for c in chunks], 8)
    columns["log definitions"] = _logs([1 + len(own) for own in definitions], 4)
    columns["depth"] = files.each(lambda path: min(8, path.count("/")) / 8)
    columns["file is named so"] = files.gather(
        _floats(list(map(terms.in_path_or_names, files.paths, files.definitions)))
    )
    columns["file in dense scores"] = files.gather(files.best(columns["dense score"]))
    # How long a file is at least: the lines that were found.
    last = files.largest(_floats([chunk.end_line for chunk in chunks])[:, None])[:, 0]
    columns["file's last line"] = files.gather((np.log2(1 + last) / 12).astype(np.float32))
    asked = query.topics if asks_for_tests(query.text) else query.topics - {"test"}
    columns["file is no source"] = files.each(lambda path: float(bool(path_kinds(path) - asked)))
    return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float32)


def _floats(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float32)


def _logs(values: Sequence[int], largest: int) -> FloatArray:
    """Logarithms to the base 2, as shares of the largest that is usual."""
    known = {value: math.log2(value) / largest for value in set(values)}
    return _floats([known[value] for value in values])


def _once_each(
    values: Sequence[tuple[str, ...]],
    telling: Iterable[tuple[str, ...]],
    compute: Callable[[tuple[str, ...]], float],
) -> FloatArray:
    """A number for each value, computed once for those of ``telling``, 0 for the others."""
    known = {value: compute(value) for value in telling}
    return _floats([known.get(value, 0.0) for value in values])


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


def _kinds(
    query: Query, pool: Sequence[Candidate], files: CandidateFiles, defines: Sequence[bool]
) -> dict[str, FloatArray]:
    """The kinds of a candidate's file that the query is not about; a test also for what is in a
    module of tests inside ordinary source, usual in Rust and a namespace in C#, unless it defines
    what was asked for by name.

    :param defines: whether it does, for each candidate.
    """
    table = np.zeros((len(files.paths), len(KINDS)), np.float32)
    for row, path in enumerate(files.paths):
        for kind in path_kinds(path) - query.topics:
            table[row, _KIND_AT[kind]] = 1.0
    found = table[files.of_row]
    if "test" not in query.topics:
        for row, candidate in enumerate(pool):
            symbol = candidate.chunk.symbol.lower()
            if "tests" in symbol and "tests" in symbol.split(".") and not defines[row]:
                found[row, _KIND_AT["test"]] = 1.0
    return dict(zip(KINDS, found.T, strict=True))


def _shapes(chunks: Sequence[Chunk]) -> dict[str, FloatArray]:
    """What a chunk mostly holds, a column for each shape."""
    rows = [_SHAPE_AT.get(chunk.kind, len(_SHAPES)) for chunk in chunks]
    table = np.eye(len(_SHAPES) + 1, len(_SHAPES), dtype=np.float32)
    return dict(zip(_SHAPES, table[rows].T, strict=True))


def _lacking(query: Query, pool: Sequence[Candidate], texts: Sequence[str]) -> FloatArray:
    """1 for what has only parts of the one name that is asked for, when others have it whole."""
    if not query.sought:
        return np.zeros(len(pool), np.float32)
    lacks = [
        query.sought not in text and query.sought not in fold(candidate.path)
        for candidate, text in zip(pool, texts, strict=True)
    ]
    return _floats(lacks) if not all(lacks) else np.zeros(len(pool), np.float32)


class _Terms:
    """The query's words among the candidates. Words weigh more the fewer candidates have them."""

    def __init__(self, query: Query, pool: Sequence[Candidate]) -> None:
        self._query = query
        self.texts = [fold(candidate.chunk.text) for candidate in pool]
        self._terms = Terms(query.terms)
        roots = [word_root(term) for term in query.terms]
        # A root found inside another word counts too: exact enough for a share of hundreds.
        self._has = (
            np.array([[root in text for text in self.texts] for root in roots], dtype=np.float32)
            .reshape(len(roots), len(pool))
            .T.copy()
        )
        shares = self._has.mean(axis=0) if pool else np.zeros(len(roots))
        values: FloatArray = (1.0 - (1.0 - COMMON_TERM) * shares).astype(np.float32)
        self._weights: dict[str, float] = dict(zip(query.terms, values.tolist(), strict=True))
        self._values = values
        self._total = sum(self._weights.values()) or 1.0
        names = {name for candidate in pool for name in candidate.chunk.definitions}
        self._names = {
            name: self._read(name_words((name,)))
            for name in self._terms.may_be_in(list(names), query.initials)
        }
        paths = list({candidate.path for candidate in pool})
        self._paths = self._terms.may_be_in(paths, query.initials)

    def weight_of(self, names: frozenset[str]) -> float:
        """The largest weight of some words of the query; 1 for those joined of several."""
        known = [self._weights[name] for name in names if name in self._weights]
        return max(known, default=1.0) if names else 0.0

    def in_texts(self) -> FloatArray:
        """Share of the query's words, by weight, in each text."""
        share: FloatArray = self._has @ self._values / self._total
        return share

    def in_any(self, files: CandidateFiles) -> FloatArray:
        """The same for all texts of a file together, for each file."""
        share: FloatArray = files.largest(self._has) @ self._values / self._total
        return share

    def in_path(self, path: str) -> float:
        """Share of the query's words, by weight, in a path."""
        return self._share(self._read(path_words(path))[0]) if path in self._paths else 0.0

    def stem_meant(self, path: str) -> float:
        """Share of the words of a file's stem that are in the query, each by the weight of its
        term."""
        return self._read(stem_words(path))[1] if path in self._paths else 0.0

    def telling(self, definitions: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Different lists of names of which one may say something, as most do not."""
        none = self._names.keys().isdisjoint
        return [names for names in set(definitions) if not none(names)]

    def in_names(self, names: tuple[str, ...]) -> float:
        """Share of the query's words, by weight, in names."""
        found = [self._names[name][0] for name in names if name in self._names]
        return self._share(frozenset().union(*found)) if found else 0.0

    def in_path_or_names(self, path: str, names: Iterable[str]) -> float:
        """The same for a path and names together."""
        found = [self._names[name][0] for name in names if name in self._names]
        if path in self._paths:
            found.append(self._read(path_words(path))[0])
        return self._share(frozenset().union(*found)) if found else 0.0

    def best_named(self, names: tuple[str, ...]) -> float:
        """The most that is meant, as by a stem, by the words of one of some names."""
        return max([self._names[name][1] for name in names if name in self._names], default=0.0)

    def _read(self, words: tuple[str, ...]) -> tuple[frozenset[str], float]:
        """The query's terms that some words mean, and the share of the words that mean one."""
        like, initials = self._terms.like, self._query.initials
        meant, covered = 0.0, _NONE
        for word in words:
            terms = like(word)
            if terms:
                covered = covered | terms if covered else terms
            if word in initials:
                meant += 1.0
            elif terms:
                meant += max([self._weights[term] for term in terms])
        return covered, meant / max(1, len(words))

    def _share(self, terms: frozenset[str]) -> float:
        if not terms:
            return 0.0
        # In the query's order, so that equal sets have equal sums.
        return (
            sum([weight for term, weight in self._weights.items() if term in terms]) / self._total
        )
