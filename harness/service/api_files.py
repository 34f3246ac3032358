"""``/api/v1/file`` and ``/api/v1/outline``: an indexed file's lines, and its definitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic.dataclasses import dataclass
from starlette.exceptions import HTTPException

from harness.engines import Engines
from harness.search.indexed_file import IndexedFile, read_indexed_file
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
