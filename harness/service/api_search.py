"""``/api/v1``: search, symbols."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic.dataclasses import dataclass

from harness.engines import Engines
from harness.search import retrieval
from harness.search.operators import KINDS
from harness.search.symbols import MAX_PLACES, SymbolPlaces, find_symbol
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs, note
from harness.types import Hit, SearchAnswer

router = APIRouter(prefix="/api/v1", tags=["search"])

Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Repo = Annotated[
    str | None, Query(max_length=500, description="Only this repository.", examples=["web"])
]
Language = Annotated[
    str | None, Query(max_length=100, description="Only this language.", examples=["python"])
]
PathGlob = Annotated[
    str | None,
    Query(
        max_length=1_000,
        description="Only paths that match, as in .gitignore.",
        examples=["src/**"],
    ),
]


@dataclass(frozen=True)
class SearchResults:
    """The ``search`` JSON of the command line. ``match``: how likely one of the passages holds what
    was asked for; ``matches_well`` is false when that is too little to rely on. ``parts``: for each
    passage what its score is the sum of, if that was asked for. ``more``: there is a further page.
    ``reworded``: what was searched for in place of words that the index does not know, or empty.
    """

    query: str
    results: list[Hit]
    match: float
    matches_well: bool
    more: bool
    parts: list[dict[str, float]]
    reworded: str


@router.get("/search")
async def search(
    request: Request,
    caller: Reader,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=20_000,
            description="Words, a name, a question, path:line or a stack trace; may hold "
            '`repo:`, `lang:`, `path:`, `kind:`, `symbol:` and `"exact words"`.',
            examples=["where are sessions signed"],
        ),
    ],
    repo: Repo = None,
    lang: Language = None,
    path: PathGlob = None,
    kind: Annotated[
        str | None,
        Query(enum=list(KINDS), max_length=20, description=f"One of {', '.join(KINDS)}."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Most passages.")] = 10,
    offset: Annotated[
        int, Query(ge=0, le=retrieval.MAX_LIMIT, description="How many passages to leave out.")
    ] = 0,
    text: Annotated[bool, Query(description="With the passages' text.")] = True,
    explain: Annotated[bool, Query(description="With what each score is the sum of.")] = False,
) -> SearchResults:
    """Ranked passages, best first."""

    def find(engines: Engines) -> SearchAnswer:
        return retrieval.find(
            q,
            engines,
            repo=repo,
            language=lang,
            path_glob=path,
            kind=kind,
            limit=limit + 1,
            offset=offset,
            visible=caller.visible(),
        )

    found = await context_of(request).work.search(find)
    shown = list(found.hits[:limit])
    note(request, {hit.repo for hit in shown}, q)
    if not text:
        shown = [replace(hit, text="") for hit in shown]
    return SearchResults(
        q,
        shown,
        found.match,
        found.matches_well,
        len(found.hits) > limit,
        [dict(part) for part in found.parts[: len(shown)]] if explain else [],
        found.reworded,
    )


@router.get("/symbols")
async def symbols(
    request: Request,
    caller: Reader,
    name: Annotated[
        str, Query(min_length=1, max_length=300, examples=["Session.close"], description="A name.")
    ],
    repo: Repo = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_PLACES, description="Most definitions, and most uses.")
    ] = 100,
) -> SymbolPlaces:
    """Where a name is defined, and which lines use it."""

    def find(engines: Engines) -> SymbolPlaces:
        return find_symbol(name, engines, repo=repo, limit=limit, visible=caller.visible())

    found = await context_of(request).work.search(find)
    note(request, {place.repo for place in (*found.definitions, *found.references)}, name)
    return found
