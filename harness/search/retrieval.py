"""Search: by meaning, by words and by names, fused and ranked, over every collection in use."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import chain, zip_longest

from harness.engines import Engines
from harness.errors import HarnessError, RepositoryNotFoundError, UsageError
from harness.models import lexical
from harness.models.protocols import Embedder
from harness.patterns import PathPatterns
from harness.search import ranking
from harness.types import (
    Candidate,
    CandidateLists,
    FileStatus,
    Filter,
    Hit,
    Manifest,
    RepositoryRecord,
)

logger = logging.getLogger(__name__)

# Fusion and the ranking rules need more candidates than are shown.
CANDIDATES = 100
MAX_LIMIT = 200


def search(
    query: str,
    engines: Engines,
    *,
    repo: str | None = None,
    language: str | None = None,
    path_glob: str | None = None,
    limit: int = 10,
) -> list[Hit]:
    """Ranked passages, best first, at most ``limit``.

    :param path_glob: matched against the whole path as in ``.gitignore``: a pattern without
        ``/`` matches at any depth, ``*`` stays inside a segment, ``**`` does not.
    :raises UsageError: the query is empty, the limit is out of range, or nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    query = query.strip()
    if not query:
        raise UsageError("the query is empty; say what to search for")
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"the limit must be between 1 and {MAX_LIMIT}")
    repositories = in_scope(engines, repo)
    lists = [
        _query_collection(query, collection, records, engines, language, path_glob, limit)
        for collection, records in _by_collection(repositories).items()
    ]
    return [
        Hit(
            repo=candidate.repo,
            path=candidate.path,
            start_line=candidate.chunk.start_line,
            end_line=candidate.chunk.end_line,
            symbol=candidate.chunk.symbol,
            language=candidate.chunk.language,
            score=round(score, 6),
            text=candidate.chunk.text,
        )
        for candidate, score in ranking.rank(query, merge(lists), limit)
    ]


def in_scope(engines: Engines, repo: str | None) -> list[RepositoryRecord]:
    """The repositories that a search covers.

    :raises UsageError: nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed; the message lists those that are.
    """
    repositories = engines.store.repositories()
    if not repositories:
        raise UsageError("nothing is indexed yet; run `harness index PATH` first")
    if repo is None:
        return repositories
    chosen = [record for record in repositories if record.name == repo]
    if not chosen:
        names = ", ".join(record.name for record in repositories[:20])
        raise RepositoryNotFoundError(f"{repo!r} is not indexed; indexed are: {names}")
    return chosen


def _by_collection(records: Sequence[RepositoryRecord]) -> dict[str, list[RepositoryRecord]]:
    groups: dict[str, list[RepositoryRecord]] = {}
    for record in records:
        groups.setdefault(record.collection, []).append(record)
    return groups


def _query_collection(
    query: str,
    collection: str,
    records: Sequence[RepositoryRecord],
    engines: Engines,
    language: str | None,
    path_glob: str | None,
    limit: int,
) -> CandidateLists:
    names = tuple(record.name for record in records)
    paths = None
    if path_glob:
        paths = _matching_paths(path_glob, collection, names, engines)
        if not paths:
            return CandidateLists()
    embedder = _embedder_of(collection, engines)
    dense = None
    if embedder is not None:
        try:
            dense = embedder.embed_query(query)
        except HarnessError as error:
            logger.warning("searching by words only: %s", error)
    found = engines.store.query(
        collection,
        dense=dense,
        sparse=lexical.query_vector(query),
        definitions=ranking.identifiers(query),
        stems=ranking.stems(query),
        where=Filter(repos=names, language=language, paths=paths),
        limit=max(CANDIDATES, 2 * limit),
    )
    return replace(found, dense=_settle(found.dense), sparse=_settle(found.sparse))


def _settle(ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Equal scores in the order of their places: engines return them as they were inserted, and
    a place in a list decides the fused score."""
    return tuple(
        sorted(ranked, key=lambda c: (-round(c.score, 5), c.repo, c.path, c.chunk.start_line))
    )


def _matching_paths(
    glob: str, collection: str, names: Sequence[str], engines: Engines
) -> tuple[str, ...]:
    patterns = PathPatterns.parse(glob)
    found = {
        path
        for name in names
        for path, record in engines.store.file_records(collection, name).items()
        if record.status is not FileStatus.SKIPPED and patterns.chooses(path)
    }
    return tuple(sorted(found))


def _embedder_of(collection: str, engines: Engines) -> Embedder | None:
    """The embedder that made a collection: the configured one, or, until a rebuild is through,
    the one that its manifest names; None when that one cannot be had here."""
    manifest = next((m for m in engines.store.manifests() if m.collection == collection), None)
    if manifest is None:
        return None
    if engines.embedder.model == manifest.model and engines.embedder.engine == manifest.engine:
        try:
            if _can_query(engines.embedder, manifest):
                return engines.embedder
        except HarnessError as error:
            logger.warning("searching by words only: %s", error)
            return None
    return _embedder_from(manifest, engines)


def _can_query(embedder: Embedder, manifest: Manifest) -> bool:
    """The same weights and a vector of the same length: a server may cut or project the vectors
    of one model differently after an update."""
    return (embedder.digest, embedder.dimension) == (manifest.digest, manifest.dimension)


def _embedder_from(manifest: Manifest, engines: Engines) -> Embedder | None:
    try:
        embedder = engines.embedder_named(manifest.engine, manifest.model)
        if embedder is not None and _can_query(embedder, manifest):
            return embedder
    except HarnessError as error:
        logger.info("%s cannot be had: %s", manifest.model, error)
    logger.warning(
        "the index was made by %s (%s), which is not configured: searching by words only until "
        "`harness index` has rebuilt it",
        manifest.model, manifest.engine,
    )  # fmt: skip
    return None


def merge(lists: Sequence[CandidateLists]) -> CandidateLists:
    """One set of ranked lists from several collections: taken in turns, since scores of
    different models are not comparable."""
    if len(lists) == 1:
        return lists[0]
    merged: dict[str, tuple[Candidate, ...]] = {}
    for item in fields(CandidateLists):
        rows = zip_longest(*(getattr(one, item.name) for one in lists))
        merged[item.name] = tuple(c for c in chain.from_iterable(rows) if c is not None)
    return CandidateLists(**merged)
