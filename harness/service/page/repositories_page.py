"""``/repositories``: what is indexed, how fresh, of which languages; its last runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from harness.engines import Engines
from harness.errors import HarnessError, UsageError
from harness.index.status import RepositoryStatus, repository_statuses
from harness.service import api_repositories
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs, note
from harness.service.page.forms import read_form
from harness.service.page.rendering import page
from harness.service.page.sizes import LanguageSizes, Share
from harness.service.refusals import status_of

router = APIRouter(include_in_schema=False)

_FLOW = "index-repository"
_RUNS_EACH = 3
# A page is not kept waiting for what is only an addition to it.
_PREFECT_SECONDS = 3.0

Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Administrator = Annotated[Caller, Depends(needs(Scope.ADMIN))]


@dataclass(frozen=True, slots=True)
class Run:
    """A run that indexed a repository; ``address`` is its page in Prefect's UI."""

    name: str
    state: str
    started: str
    ended: str
    address: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository and what is told beside its status."""

    status: RepositoryStatus
    shares: tuple[Share, ...]
    runs: tuple[Run, ...]
    may_refresh: bool


@router.get("/repositories")
async def repositories_page(request: Request, caller: Reader) -> HTMLResponse:
    """All repositories that the caller may see."""
    return await _page(request, caller)


@router.post("/repositories")
async def change(request: Request, caller: Administrator) -> Response:
    """Index a new repository, or what has changed in one."""
    form = await read_form(request)
    try:
        if form.get("refresh"):
            started = await api_repositories.sync(request, form["refresh"], caller)
        else:
            new = api_repositories.NewRepository(
                source=form.get("source", ""), name=form.get("name", "")
            )
            started = await api_repositories.add(request, new, caller)
    except ValidationError:
        return await _page(request, caller, 422, "Write a URL or folder, and a name.")
    except UsageError as error:
        return await _page(request, caller, status_of(error), str(error))
    return RedirectResponse(f"/repositories?started={quote(started['name'])}", 303)


async def _page(
    request: Request, caller: Caller, status: int = 200, message: str = ""
) -> HTMLResponse:
    sizes: LanguageSizes = request.app.state.language_sizes

    def read(engines: Engines) -> list[tuple[RepositoryStatus, tuple[Share, ...]]]:
        sees = caller.visible()
        seen = [one for one in repository_statuses(engines.store) if sees(one.name)]
        return [(one, sizes.of(one, engines)) for one in seen]

    found, (runs, prefect) = await asyncio.gather(
        context_of(request).work.search(read), _runs(request)
    )
    note(request, {one.name for one, _ in found})
    shown = [
        Repository(one, parts, runs_of(one, runs, prefect), caller.may_with(Scope.ADMIN, one.name))
        for one, parts in found
    ]
    return page(
        request,
        caller,
        "repositories.html",
        status,
        repositories=shown,
        prefect=prefect,
        may_add=caller.may(Scope.ADMIN),
        message=message or _started(request),
    )


def _started(request: Request) -> str:
    name = request.query_params.get("started", "")[:200]
    return f"The run {name} was started." if name else ""


async def _runs(request: Request) -> tuple[Sequence[Mapping[str, Any]], str]:
    """The newest runs, and where Prefect's UI is; nothing while Prefect does not answer."""
    context = context_of(request)

    def read() -> tuple[Sequence[Mapping[str, Any]], str]:
        api = context.parts.prefect()
        query = {"flows": {"name": {"any_": [_FLOW]}}, "sort": "START_TIME_DESC", "limit": 200}
        found = api.listing("POST", "/flow_runs/filter", query)
        return found, context.parts.options.prefect_ui_url or api.url.removesuffix("/api")

    try:
        async with asyncio.timeout(_PREFECT_SECONDS):
            return await context.work.other(read)
    except (HarnessError, TimeoutError):
        return (), ""


def runs_of(
    status: RepositoryStatus, runs: Sequence[Mapping[str, Any]], prefect: str
) -> tuple[Run, ...]:
    """The newest of these runs that are about a repository, by its name or source. Of others, which
    the caller may not know of, nothing is told."""
    found = []
    for run in runs:
        parameters = run.get("parameters") or {}
        name, source = parameters.get("name"), parameters.get("source")
        if name == status.name or (
            not name and source in (status.name, status.source, status.path)
        ):
            found.append(
                Run(
                    name=str(run.get("name") or ""),
                    state=str(run.get("state_name") or run.get("state_type") or ""),
                    started=str(run.get("start_time") or ""),
                    ended=str(run.get("end_time") or ""),
                    address=f"{prefect}/runs/flow-run/{run['id']}",
                )
            )
    return tuple(found[:_RUNS_EACH])
