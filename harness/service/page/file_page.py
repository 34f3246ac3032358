"""``/file``: an indexed file with its outline; each line has an address."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from harness.service.api_files import MAX_LINES, Path, Repo, indexed_file
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs
from harness.service.page.highlighting import highlighted
from harness.service.page.rendering import page

router = APIRouter(include_in_schema=False)

_LINES = re.compile(r"L?(\d{1,8})(?:-L?(\d{1,8}))?")


@router.get("/file")
async def file_page(
    request: Request,
    caller: Annotated[Caller, Depends(needs(Scope.READ))],
    repo: Repo,
    path: Path,
    lines: Annotated[str, Query(max_length=30)] = "",
) -> HTMLResponse:
    """A file, or the part of a very long one that the wanted lines are in."""
    found = await indexed_file(request, caller, repo, path)
    first, last = lines_wanted(lines)
    total = len(found.lines)
    # Pages of fixed lines, so that a line is always on the same one.
    start = (min(max(first, 1), total) - 1) // MAX_LINES * MAX_LINES
    shown = found.lines[start : start + MAX_LINES]

    def coloured() -> list[Markup]:
        return highlighted("\n".join(shown), found.language, path)

    return page(
        request,
        caller,
        "file.html",
        file=found,
        lines=await context_of(request).work.other(coloured),
        start=start + 1,
        wanted=range(first, last + 1),
        earlier=start - MAX_LINES + 1 if start else 0,
        later=start + MAX_LINES + 1 if start + MAX_LINES < total else 0,
    )


def lines_wanted(text: str) -> tuple[int, int]:
    """The first and last of ``12`` or ``12-20``; (0, 0) for any other text."""
    found = _LINES.fullmatch(text)
    if found is None:
        return 0, 0
    first = int(found[1])
    return first, max(first, int(found[2] or first))
