"""``/``: search as one types. ``/results`` is its answer alone, for the script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from harness.engines import Engines
from harness.errors import UsageError
from harness.models import lexical
from harness.search import retrieval
from harness.search.excerpts import shorten
from harness.search.operators import KINDS
from harness.search.query import readable
from harness.search.word_roots import word_root
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs, note
from harness.service.page.highlighting import highlighted
from harness.service.page.rendering import fragment, page, search_address
from harness.service.refusals import status_of
from harness.types import Hit

router = APIRouter(include_in_schema=False)

_SHOWN = 20
# Also counted for the facets.
_LOOKED_AT = 60
_LAST_PAGE = 8

Reader = Annotated[Caller, Depends(needs(Scope.READ))]


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked; ``page`` counts from 1."""

    q: str = ""
    repo: str = ""
    lang: str = ""
    path: str = ""
    kind: str = ""
    page: int = 1

    def address(self, **changes: str | int) -> str:
        """Where this search, or one that differs from it, is shown."""
        asked: dict[str, str | int] = {
            "q": self.q,
            "repo": self.repo,
            "lang": self.lang,
            "path": self.path,
            "kind": self.kind,
            "page": self.page if self.page > 1 else 0,
        }
        return search_address(**(asked | changes))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a passage; ``is_found``: it has words of the query."""

    number: int
    html: Markup
    is_found: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of a file around what was found."""

    symbol: str
    start_line: int
    end_line: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class FileGroup:
    """The passages of a file, in order of their lines."""

    repo: str
    path: str
    language: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter and its values: each with how often it is among the best passages (0: not
    counted), and where the search with it, or without it when it is chosen, is shown."""

    label: str
    values: tuple[tuple[str, int, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Results:
    """What is shown for a search. ``message``: why there is nothing. ``matches_well``: whether the
    passages are worth reading. ``reworded``: what was searched for in place of words that the index
    does not know, or empty."""

    search: Search
    groups: tuple[FileGroup, ...] = ()
    facets: tuple[Facet, ...] = ()
    passages: int = 0
    later: str = ""
    earlier: str = ""
    message: str = ""
    matches_well: bool = True
    reworded: str = ""
    status: int = 200


async def asked(  # a plain function would be carried out in a thread
    q: Annotated[str, Query(max_length=20_000)] = "",
    repo: Annotated[str, Query(max_length=500)] = "",
    lang: Annotated[str, Query(max_length=100)] = "",
    path: Annotated[str, Query(max_length=1_000)] = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> Search:
    """The search of a request."""
    return Search(q.strip(), repo.strip(), lang.strip(), path.strip(), kind.strip(), page)


Asked = Annotated[Search, Depends(asked)]


@router.get("/")
async def search_page(request: Request, caller: Reader, search: Asked) -> HTMLResponse:
    """The box and, when something is asked, the answer."""
    results = await _results(request, caller, search)
    return page(request, caller, "search.html", results.status, results=results)


@router.get("/results")
async def results(request: Request, caller: Reader, search: Asked) -> HTMLResponse:
    """The answer alone. A query that is not finished yet is no error."""
    return fragment("_results.html", results=await _results(request, caller, search))


async def _results(request: Request, caller: Caller, search: Search) -> Results:
    if not search.q:
        return Results(search)
    offset = (search.page - 1) * _SHOWN

    def find(engines: Engines) -> Results:
        answer = retrieval.find(
            search.q,
            engines,
            repo=search.repo or None,
            language=search.lang or None,
            path_glob=search.path or None,
            kind=search.kind or None,
            limit=_LOOKED_AT,
            offset=offset,
            visible=caller.visible(),
        )
        hits = list(answer.hits)
        shown = hits[:_SHOWN]
        # Colours are made here, too, because this is a thread that may take its time.
        return Results(
            search,
            groups=grouped(search.q, shown),
            facets=facets(search, hits),
            passages=len(shown),
            later=search.address(page=search.page + 1)
            if len(hits) > _SHOWN and search.page < _LAST_PAGE
            else "",
            earlier=search.address(page=search.page - 1) if search.page > 1 else "",
            matches_well=answer.matches_well,
            reworded=answer.reworded,
        )

    try:
        found = await context_of(request).work.search(find)
    except UsageError as error:
        return Results(search, message=str(error), status=status_of(error))
    note(request, {group.repo for group in found.groups}, search.q)
    if not found.groups:
        return replace(found, message="Nothing was found.")
    return found


def grouped(query: str, hits: list[Hit]) -> tuple[FileGroup, ...]:
    """The passages by file: files in the order of their best passage."""
    files: dict[tuple[str, str], list[Hit]] = {}
    for hit in hits:
        files.setdefault((hit.repo, hit.path), []).append(hit)
    wanted = _roots(readable(query))
    return tuple(
        FileGroup(
            repo,
            path,
            parts[0].language,
            tuple(
                _passage(query, wanted, hit)
                for hit in sorted(parts, key=lambda hit: hit.start_line)
            ),
        )
        for (repo, path), parts in files.items()
    )


def _passage(query: str, wanted: frozenset[str], hit: Hit) -> Passage:
    start, texts = shorten(query, hit)
    texts = [text.removesuffix("\r") for text in texts]
    lines = tuple(
        Line(min(start + at, hit.end_line), html, not wanted.isdisjoint(_roots(text)))
        for at, (text, html) in enumerate(
            zip(texts, highlighted("\n".join(texts), hit.language, hit.path), strict=True)
        )
    )
    return Passage(hit.symbol, hit.start_line, hit.end_line, lines)


def _roots(text: str) -> frozenset[str]:
    # Endings do not count, and words such as "is" are in every second line.
    return frozenset(word_root(word) for word in lexical.words(text) if len(word) > 2)


def facets(search: Search, hits: list[Hit]) -> tuple[Facet, ...]:
    """Filters by repository, language and kind; only kinds are not counted."""
    repos = Counter(hit.repo for hit in hits)
    languages = Counter(hit.language for hit in hits)
    kinds = dict.fromkeys(KINDS, 0)
    return (
        _facet(search, "Repository", "repo", search.repo, repos),
        _facet(search, "Language", "lang", search.lang, languages),
        _facet(search, "Kind", "kind", search.kind, kinds),
    )


def _facet(search: Search, label: str, name: str, chosen: str, counts: Mapping[str, int]) -> Facet:
    ordered = sorted(counts.items(), key=lambda one: -one[1])[:12]
    if chosen and chosen not in counts:
        ordered.insert(0, (chosen, 0))
    return Facet(
        label,
        tuple(
            (
                value,
                count,
                search.address(page=0, **{name: "" if value == chosen else value}),
                value == chosen,
            )
            for value, count in ordered
        ),
    )
