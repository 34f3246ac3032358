"""``/api/v1/file``, ``/outline`` and ``/map``: a file's lines, its definitions, and the map of a
repository."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic.dataclasses import dataclass
from starlette.exceptions import HTTPException

from harness.engines import Engines
from harness.search.indexed_file import IndexedFile, read_indexed_file
from harness.search.repository_map import (
    BUDGET,
    MAX_BUDGET,
    MAX_FOCUS_CHARS,
    RepositoryMap,
    map_repository,
)
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs, note

router = APIRouter(prefix="/api/v1", tags=["files"])

MAX_LINES = 5_000
"""Most lines of one answer."""

Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Repo = Annotated[
    str, Query(min_length=1, max_length=500, description="Its name.", examples=["web"])
]
Path = Annotated[
    str,
    Query(
        min_length=1,
        max_length=4_000,
        description="Relative to the repository, as in search results.",
        examples=["src/session.py"],
    ),
]

Focus = Annotated[
    str,
    Query(
        max_length=MAX_FOCUS_CHARS,
        description="What it is to be about: words, a path, or a glob.",
        examples=["how are sessions signed"],
    ),
]


@dataclass(frozen=True)
class FileLines:
    """Lines of a file, 1-based and inclusive, of ``lines_total``; lines of the index's commit that
    were left out of it are empty. ``end_line`` is less than asked for where the file ends, or
    after 5,000 lines."""

    repo: str
    path: str
    commit: str
    language: str
    start_line: int
    end_line: int
    lines_total: int
    text: str


@dataclass(frozen=True)
class OutlineEntry:
    """A definition: ``symbol`` is its name after those of the definitions that it is in, ``text``
    its line."""

    name: str
    symbol: str
    line: int
    text: str


@dataclass(frozen=True)
class Outline:
    """The definitions of a file, in order of their lines."""

    repo: str
    path: str
    language: str
    definitions: list[OutlineEntry]


@router.get("/file")
async def file(
    request: Request,
    caller: Reader,
    repo: Repo,
    path: Path,
    start: Annotated[int, Query(ge=1, le=10_000_000, description="First line.")] = 1,
    end: Annotated[int | None, Query(ge=1, le=10_000_000, description="Last line.")] = None,
) -> FileLines:
    """Lines of an indexed file, at most 5,000 at a time."""
    if end is not None and end < start:
        raise HTTPException(400, "the last line comes before the first one; swap start and end")
    found = await indexed_file(request, caller, repo, path)
    total = len(found.lines)
    last = min(end or total, total, start + MAX_LINES - 1)
    text = "\n".join(found.lines[start - 1 : last])
    return FileLines(repo, path, found.commit, found.language, start, last, total, text)


@router.get("/outline")
async def outline(request: Request, caller: Reader, repo: Repo, path: Path) -> Outline:
    """What an indexed file defines, and where."""
    found = await indexed_file(request, caller, repo, path)
    entries = [OutlineEntry(d.name, d.symbol, d.line, d.text[:300]) for d in found.definitions]
    return Outline(repo, path, found.language, entries)


@router.get("/map")
async def repository_map(
    request: Request,
    caller: Reader,
    repo: Annotated[
        str | None,
        Query(
            max_length=500,
            description="Its name; not needed when only one is indexed.",
            examples=["web"],
        ),
    ] = None,
    focus: Focus = "",
    budget: Annotated[
        int, Query(ge=1, le=MAX_BUDGET, description="About how many tokens it may take.")
    ] = BUDGET,
) -> RepositoryMap:
    """A repository's most important files and definitions, by who uses their names."""
    return await map_of(request, caller, repo, focus, budget)


async def map_of(
    request: Request, caller: Caller, repo: str | None, focus: str, budget: int
) -> RepositoryMap:
    """The map of a repository that the caller may see.

    :raises RepositoryNotFoundError: there is no such repository, or not for the caller.
    """
    context = context_of(request)

    def read(engines: Engines) -> RepositoryMap:
        return map_repository(
            engines,
            repo=repo,
            focus=focus,
            budget=budget,
            visible=caller.visible(),
            known=context.known_uses,
        )

    found = await context.work.search(read)
    note(request, {found.repo}, focus)
    return found


async def indexed_file(request: Request, caller: Caller, repo: str, path: str) -> IndexedFile:
    """A file that the caller may see.

    :raises HTTPException: 404, the index has no such file.
    :raises RepositoryNotFoundError: it has no such repository, or not for the caller.
    """

    def read(engines: Engines) -> IndexedFile | None:
        return read_indexed_file(repo, path, engines, visible=caller.visible())

    found = await context_of(request).work.search(read)
    if found is None:
        raise HTTPException(404, f"the index of {repo!r} has no file {path!r}")
    note(request, {repo}, path)
    return found
