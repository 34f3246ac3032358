"""What one collection of the index holds for a query, and how the answers of several become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import chain, zip_longest

from harness.engines import Engines
from harness.models import lexical
from harness.search.mentions import WEAK, likeness
from harness.search.path_filter import PathFilter
from harness.search.query import Query
from harness.search.query_embedder import dense_vector
from harness.store.payload import stem_of
from harness.store.queries import Place, StoreQuery, matches
from harness.types import Candidate, CandidateLists, Filter, RepositoryRecord

# Files and lines that are looked up at most.
_MAX_FILES = 50
_MAX_PLACES = 8


def by_collection(records: Sequence[RepositoryRecord]) -> dict[str, tuple[str, ...]]:
    """The repositories' names by the collection that they are in."""
    groups: dict[str, tuple[str, ...]] = {}
    for record in records:
        groups[record.collection] = (*groups.get(record.collection, ()), record.name)
    return groups


def query_collection(
    query: Query,
    collection: str,
    where: Filter,
    engines: Engines,
    paths: PathFilter | None,
    limit: int,
) -> CandidateLists | None:
    """What a collection holds for a query; None when the path filter chooses nothing in it.

    :param limit: most candidates in a list.
    """
    # Before the collection is opened, so that nobody waits for the model.
    dense = dense_vector(query, collection, engines)
    with engines.store.opened(collection):
        if paths is not None:
            every = matches(Filter(repos=where.repos))
            chosen = paths.choose(engines.store.distinct(collection, "path", every))
            if not chosen:
                return None
            where = replace(where, paths=chosen)
        files, places = _named_files(query, collection, where, engines)
        found = engines.store.query(
            collection,
            StoreQuery(
                dense=dense,
                sparse=lexical.query_vector(query.text),
                definitions=query.names,
                stems=query.stems,
                files=files,
                places=places,
                where=where,
                limit=limit,
            ),
        )
    return replace(found, dense=_settle(found.dense), lexical=_settle(found.lexical))


def _named_files(
    query: Query, collection: str, where: Filter, engines: Engines
) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """The indexed files that the query names by a path, and the lines in them, the surest first.

    A word that is also a file's name, such as Makefile, is found by its stem anyway.
    """
    asked = [mention for mention in query.mentions if not mention.is_word]
    if not asked:
        return (), ()
    stems = {stem for m in asked for stem in (m.name, stem_of(m.name))}
    conditions = (*matches(where), ("stem", tuple(sorted(stems))))
    indexed = engines.store.distinct(collection, "path", conditions)
    sureness: dict[str, float] = {}
    places: dict[Place, float] = {}
    for mention in asked:
        alike = {path: likeness(mention, mention.repo, path) for path in indexed}
        best = max(alike.values(), default=0.0)
        fitting = [path for path in alike if alike[path] and alike[path] + WEAK > best]
        fitting.sort(key=alike.__getitem__, reverse=True)
        for path in fitting:
            sureness[path] = max(sureness.get(path, 0.0), alike[path])
        if mention.line and fitting:
            places[Place(tuple(fitting[:_MAX_FILES]), mention.line)] = best
    files = sorted(sureness, key=lambda path: (-sureness[path], path))[:_MAX_FILES]
    return tuple(files), tuple(sorted(places, key=places.__getitem__, reverse=True)[:_MAX_PLACES])


def _settle(ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Put candidates of equal score in the order of their places in the repository: engines return
    them as they were inserted, and a candidate's rank decides its fused score."""
    return tuple(
        sorted(ranked, key=lambda c: (-round(c.score, 5), c.repo, c.path, c.chunk.start_line))
    )


def merge(lists: Sequence[CandidateLists]) -> CandidateLists:
    """Merge the lists of several collections by taking candidates from each in turn, as scores of
    different models cannot be compared."""
    if len(lists) == 1:
        return lists[0]
    merged: dict[str, tuple[Candidate, ...]] = {}
    for item in fields(CandidateLists):
        rows = zip_longest(*(getattr(one, item.name) for one in lists))
        merged[item.name] = tuple(c for c in chain.from_iterable(rows) if c is not None)
    return CandidateLists(**merged)
