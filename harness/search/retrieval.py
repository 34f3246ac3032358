"""Search: dense, lexical and by names, fused and ranked, over every collection in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import chain, zip_longest

from harness.engines import Engines
from harness.errors import UsageError
from harness.models import lexical
from harness.search import ranking
from harness.search.path_filter import matching_paths
from harness.search.query import Query, parse
from harness.search.query_embedder import dense_vector
from harness.store.catalog import in_scope
from harness.store.queries import StoreQuery
from harness.text import encodable
from harness.types import Candidate, CandidateLists, Filter, Hit, RepositoryRecord

# Fusion and the ranking rules need more candidates than are shown.
CANDIDATES = 100
MAX_LIMIT = 200


def search(
    text: str,
    engines: Engines,
    *,
    repo: str | None = None,
    language: str | None = None,
    path_glob: str | None = None,
    limit: int = 10,
) -> list[Hit]:
    """Ranked passages, best first, at most ``limit``.

    :param text: a question or a symbol.
    :param path_glob: matched against the whole path as in ``.gitignore``: a pattern without
        ``/`` matches at any depth, ``*`` stays inside a segment, ``**`` does not.
    :raises UsageError: the query is empty, the limit is out of range, or nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    text = encodable(text).strip()
    if not text:
        raise UsageError("the query is empty; say what to search for")
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"the limit must be between 1 and {MAX_LIMIT}")
    repositories = in_scope(engines.store, repo)
    query = parse(text)
    lists = [
        _query_collection(query, collection, names, engines, language, path_glob, limit)
        for collection, names in _by_collection(repositories).items()
    ]
    return [_hit(found, score) for found, score in ranking.rank(query, merge(lists), limit)]


def _hit(candidate: Candidate, score: float) -> Hit:
    return Hit(
        repo=candidate.repo,
        path=candidate.path,
        start_line=candidate.chunk.start_line,
        end_line=candidate.chunk.end_line,
        symbol=candidate.chunk.symbol,
        language=candidate.chunk.language,
        score=round(score, 6),
        text=candidate.chunk.text,
    )


def _by_collection(records: Sequence[RepositoryRecord]) -> dict[str, tuple[str, ...]]:
    """The repositories' names by the collection that they are in."""
    groups: dict[str, tuple[str, ...]] = {}
    for record in records:
        groups[record.collection] = (*groups.get(record.collection, ()), record.name)
    return groups


def _query_collection(
    query: Query,
    collection: str,
    repos: tuple[str, ...],
    engines: Engines,
    language: str | None,
    path_glob: str | None,
    limit: int,
) -> CandidateLists:
    paths = None
    if path_glob:
        paths = matching_paths(path_glob, engines.store, collection, repos)
        if not paths:
            return CandidateLists()
    found = engines.store.query(
        collection,
        StoreQuery(
            dense=dense_vector(query, collection, engines),
            sparse=lexical.query_vector(query.text),
            definitions=query.names,
            stems=query.stems,
            where=Filter(repos=repos, language=language, paths=paths),
            limit=max(CANDIDATES, 2 * limit),
        ),
    )
    return replace(found, dense=_settle(found.dense), lexical=_settle(found.lexical))


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
