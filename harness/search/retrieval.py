"""Search: dense, lexical and by names, fused and ranked, over every collection in use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from harness.engines import Engines
from harness.errors import StoreError, UsageError
from harness.folding import fold
from harness.models.static.embedder import is_known_word
from harness.search import match, ranking
from harness.search.collection_query import by_collection, merge, query_collection
from harness.search.definitions import definitions_of, is_inside
from harness.search.language_names import extension_of, is_known, languages_called
from harness.search.matched_symbol import matched_symbol
from harness.search.mentions import beneath
from harness.search.operators import KINDS, Operators, contains, name_parts, read_operators
from harness.search.path_filter import PathFilter, nothing_matches, read_filter
from harness.search.query import Query, parse, readable
from harness.search.rewording import reworded
from harness.store.answer_memory import AnswerMemory
from harness.store.catalog import Visible, in_scope_at
from harness.store.queries import matches
from harness.types import (
    Candidate,
    CandidateLists,
    Chunk,
    Filter,
    Hit,
    RepositoryRecord,
    SearchAnswer,
)

logger = logging.getLogger(__name__)

# Fusion and the ranking rules need more candidates than are shown.
CANDIDATES = 100
MAX_LIMIT = 200
# Two rebuilds may end within one search, one after the other.
_LOOKS = 3
# Files with an extension whose languages are looked up at most.
_MAX_FILES = 50
# A long question counts as so many more passages where answers are remembered.
_CHARS_AS_PASSAGE = 500


def search(text: str, engines: Engines, **filters: Any) -> list[Hit]:
    """The passages of :func:`find`, best first.

    :param text: a question.
    :param filters: as there.
    """
    return list(find(text, engines, **filters).hits)


def find(
    text: str,
    engines: Engines,
    *,
    repo: str | None = None,
    language: str | None = None,
    path_glob: str | None = None,
    kind: str | None = None,
    limit: int = 10,
    offset: int = 0,
    visible: Visible | None = None,
    operators: bool = True,
) -> SearchAnswer:
    """Ranked passages, best first, at most ``limit``.

    :param text: a question, a symbol, a path, a stack trace; see
        :func:`harness.search.query.readable` for what is read of it, and
        :mod:`harness.search.operators` for the filters that it may hold.
    :param repo: a repository's name or folder.
    :param language: a name, a short form or an extension; case does not count.
    :param path_glob: matched against the whole path as in ``.gitignore``: a pattern without
        ``/`` matches at any depth, ``*`` stays inside a segment, ``**`` does not. See
        :class:`PathFilter` for what else is understood.
    :param kind: one of :data:`harness.search.operators.KINDS`.
    :param offset: how many passages to leave out at the beginning, for further pages.
    :param visible: which repositories whoever asks may see; None: all of them.
    :param operators: whether the text may hold filters; False for code, which may look like them.
    :raises UsageError: the query is empty, the limit is out of range, nothing is indexed, or a
        filter is given twice or matches nothing in the index; the message says what there is.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    text = readable(text)
    if not text:
        raise UsageError("the query is empty; say what to search for")
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"the limit must be between 1 and {MAX_LIMIT}")
    if not 0 <= offset <= MAX_LIMIT:
        raise UsageError(f"the offset must be between 0 and {MAX_LIMIT}")
    asked = read_operators(text) if operators else Operators(text)
    text = asked.words
    if not text:
        raise UsageError("the query has only filters; say what to search for")
    repo = _once("repo", repo, asked.repo)
    language = _once("lang", language, asked.language)
    path_glob = _once("path", path_glob, asked.path)
    kind = _once("kind", kind, asked.kind)
    if kind and kind not in KINDS:
        raise UsageError(f"the kind {kind!r} is unknown; the kinds are: {', '.join(KINDS)}")

    def look() -> SearchAnswer:
        scope = tuple(in_scope_at(engines.store, repo, visible))
        question = (text, asked, scope, language, path_glob, kind, limit, offset)
        key = (question, engines.embedder)
        answers = _memory(scope, path_glob, engines)
        known: SearchAnswer | None = answers.get(key) if answers is not None else None
        if known is not None:
            return known
        answer, is_whole = _look(engines, *question)
        # Still the same memory: nothing was written meanwhile.
        if answers is not None and is_whole and _memory(scope, path_glob, engines) is answers:
            answers.put(key, answer, limit + len(text) // _CHARS_AS_PASSAGE)
        return answer

    for _ in range(_LOOKS - 1):
        before = engines.store.repositories()
        try:
            return look()
        except StoreError:
            # A rebuild has dropped the collection that the records named a moment ago.
            if engines.store.repositories() == before:
                raise
    return look()


def _memory(
    scope: Sequence[RepositoryRecord], path_glob: str | None, engines: Engines
) -> AnswerMemory | None:
    """Where the answer to a question may be remembered; None when it depends on more than the
    question and one collection: a relative path on the folder that one is in."""
    collections = {record.collection for record in scope}
    if len(collections) > 1 or (path_glob or "").strip().lstrip("!")[:1] == ".":
        return None
    return engines.store.answers(collections.pop())


def _look(
    engines: Engines,
    text: str,
    asked: Operators,
    repositories: Sequence[RepositoryRecord],
    language: str | None,
    path_glob: str | None,
    kind: str | None,
    limit: int,
    offset: int,
) -> tuple[SearchAnswer, bool]:
    """One look at the index as its records are now.

    :returns: the answer, and whether it was searched for by meaning, too.
    """
    paths: PathFilter | None = None
    if path_glob and path_glob.strip():
        paths = read_filter(path_glob, repositories)
        repositories = paths.repositories
    collections = by_collection(repositories)
    query = _relative(parse(text), repositories)
    languages = _languages(language, engines, collections) if language else None
    where = Filter(
        languages=languages,
        kinds=(kind,) if kind else None,
        definitions=(fold(name_parts(asked.symbol)[-1]),) if asked.symbol else None,
    )
    wanted = MAX_LIMIT * 2 if asked.exact else max(CANDIDATES, 2 * (limit + offset))

    def ask(query: Query) -> CandidateLists:
        lists = [
            _containing(asked.exact, found)
            for collection, names in collections.items()
            if (
                found := query_collection(
                    query, collection, replace(where, repos=names), engines, paths, wanted
                )
            )
        ]
        if paths is not None and not lists:
            raise nothing_matches(paths.asked, sorted(_values("path", engines, collections)))
        return merge(lists)

    query, lists = _in_known_words(query, ask)
    outer = tuple(map(fold, name_parts(asked.symbol)[:-1])) if asked.symbol else ()
    looked_at = MAX_LIMIT * 2 if outer else max(match.LOOKED_AT, offset + limit)
    ranked = ranking.rank(query, lists, looked_at)
    if outer:
        name = fold(name_parts(asked.symbol)[-1])
        ranked.sort(key=lambda one: not _defines_inside(one.candidate.chunk, name, outer))
    shown = ranked[offset : offset + limit]
    hits = tuple(_hit(query, one.candidate, one.score) for one in shown)
    if languages is not None and not hits:
        known = _values("language", engines, collections)
        if known.isdisjoint(languages):
            raise UsageError(
                f"no indexed file is in the language {language!r}; the languages in the index "
                f"are: {', '.join(sorted(known))}"
            )
    likely = 1.0 if asked.holds_for_all and hits else match.likelihood(query, ranked)
    parts = tuple(one.parts() for one in shown)
    instead = query.text if query.first_said else ""
    answer = SearchAnswer(hits, round(likely, 3), likely >= match.WELL, parts, instead)
    return answer, bool(lists.dense)


def candidates(text: str, engines: Engines) -> tuple[Query, CandidateLists]:
    """What a search without filters puts in order: to learn the ranking, and to measure it.

    :param text: the question.
    """
    collections = by_collection(engines.store.repositories())

    def ask(query: Query) -> CandidateLists:
        lists = [
            query_collection(query, name, Filter(repos=repos), engines, None, CANDIDATES)
            for name, repos in collections.items()
        ]
        return merge([found for found in lists if found])

    return _in_known_words(parse(text), ask)


def _in_known_words(
    query: Query, ask: Callable[[Query], CandidateLists]
) -> tuple[Query, CandidateLists]:
    """What is found for a query; one that has words which the index does not know is asked again
    in words that it knows, if these can be told."""
    lists = ask(query)
    text = reworded(query, lists, is_known_word)
    if not text:
        return query, lists
    # Without the words: logs do not hold what people search for.
    logger.debug("asked again, as the index does not know all words")
    again = replace(parse(text), first_said=query.text)
    return again, ask(again)


def _once(name: str, option: str | None, operator: str) -> str | None:
    """The value of a filter that may be given as an option or in the query."""
    if option and operator and option != operator:
        raise UsageError(f"the query has {name}:{operator} beside {option!r}; leave one")
    return option or operator or None


def _containing(exact: tuple[str, ...], lists: CandidateLists) -> CandidateLists:
    """The candidates that contain these texts, in their lines or their path."""
    if not exact:
        return lists
    return CandidateLists(
        **{
            item.name: tuple(
                c for c in getattr(lists, item.name) if contains(f"{c.path}\n{c.chunk.text}", exact)
            )
            for item in fields(CandidateLists)
        }
    )


def _relative(query: Query, repositories: Sequence[RepositoryRecord]) -> Query:
    """The query with absolute paths into a repository made relative to it."""
    roots = [(record.name, record.path) for record in repositories]
    return replace(query, mentions=tuple(beneath(m, roots) or m for m in query.mentions))


def _languages(
    name: str, engines: Engines, collections: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The languages that a name may mean; one that is no language's may be an extension of files
    in the index."""
    found = set(languages_called(name))
    if not is_known(name):
        for collection, names in collections.items():
            where = matches(Filter(repos=names))
            indexed = engines.store.distinct(collection, "path", where)
            ending = [path for path in indexed if fold(path).endswith(extension_of(name))]
            if ending:
                alike = (*where, ("path", tuple(ending[:_MAX_FILES])))
                found.update(engines.store.distinct(collection, "language", alike))
    return tuple(sorted(found))


def _values(key: str, engines: Engines, collections: dict[str, tuple[str, ...]]) -> set[str]:
    """All values of a payload key."""
    return {
        value
        for collection, names in collections.items()
        for value in engines.store.distinct(collection, key, matches(Filter(repos=names)))
    }


def _defines_inside(chunk: Chunk, name: str, outer: Sequence[str]) -> bool:
    return any(
        fold(one.name) == name and is_inside(one.symbol, outer) for one in definitions_of(chunk)
    )


def _hit(query: Query, candidate: Candidate, score: float) -> Hit:
    return Hit(
        repo=candidate.repo,
        path=candidate.path,
        start_line=candidate.chunk.start_line,
        end_line=candidate.chunk.end_line,
        symbol=matched_symbol(query, candidate.chunk),
        language=candidate.chunk.language,
        score=round(score, 6),
        text=candidate.chunk.text,
    )
