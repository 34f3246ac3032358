"""``/map``: a repository's most important files and definitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from harness.service.api_files import Focus, Repo, map_of
from harness.service.callers import Caller, Scope
from harness.service.context import needs
from harness.service.page.rendering import page

router = APIRouter(include_in_schema=False)

_BUDGET = 3_000
"""Tokens: about three screens."""


@router.get("/map")
async def map_page(
    request: Request,
    caller: Annotated[Caller, Depends(needs(Scope.READ))],
    repo: Repo,
    focus: Focus = "",
) -> HTMLResponse:
    """The map of a repository, with a field for what it is to be about."""
    found = await map_of(request, caller, repo, focus, _BUDGET)
    return page(request, caller, "map.html", map=found)
