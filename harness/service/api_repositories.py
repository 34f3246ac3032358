"""``/api/v1/repositories``: what is indexed, how fresh; refreshed and removed by administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from harness.engines import Engines
from harness.index.forgetting import forget_repository
from harness.index.status import RepositoryStatus, repository_statuses
from harness.service.callers import Caller, Scope
from harness.service.context import allowed, context_of, needs, note
from harness.stack.runs import FlowRun, start_run

router = APIRouter(prefix="/api/v1", tags=["repositories"])

_DEPLOYMENT = "index-repository/index-repository"

Administrator = Annotated[Caller, Depends(needs(Scope.ADMIN))]
Name = Annotated[str, Field(min_length=1, max_length=500)]


class NewRepository(BaseModel):
    """A repository to index: a git URL, or a folder as the worker sees it."""

    source: str = Field(min_length=1, max_length=2_000, examples=["https://git.example.org/web"])
    name: str = Field(min_length=1, max_length=500, examples=["web"])


@router.get("/repositories")
async def repositories(
    request: Request, caller: Annotated[Caller, Depends(needs(Scope.READ))]
) -> dict[str, list[dict[str, Any]]]:
    """The ``status`` JSON of the command line, for what the caller may see. Folders of the server
    are told to administrators only."""

    def statuses(engines: Engines) -> list[RepositoryStatus]:
        sees = caller.visible()
        return [one for one in repository_statuses(engines.store) if sees(one.name)]

    found = await context_of(request).work.search(statuses)
    note(request, {one.name for one in found})
    return {"repos": [_shown(one, caller) for one in found]}


@router.post("/repositories", status_code=202)
async def add(request: Request, new: NewRepository, caller: Administrator) -> dict[str, str]:
    """Index a new repository; the answer names the flow run."""
    allowed(caller, Scope.ADMIN, new.name)
    note(request, {new.name})
    return await _index(request, {"source": new.source, "name": new.name})


@router.post("/repositories/{name:path}/sync", status_code=202)
async def sync(request: Request, name: str, caller: Administrator) -> dict[str, str]:
    """Index what has changed; the answer names the flow run."""
    allowed(caller, Scope.ADMIN, name)
    note(request, {name})
    status = await _status(request, name)
    return await _index(request, {"source": status.source or status.path, "name": name})


@router.delete("/repositories/{name:path}")
async def remove(request: Request, name: str, caller: Administrator) -> dict[str, str]:
    """Remove a repository from the index; nothing else is touched."""
    allowed(caller, Scope.ADMIN, name)
    note(request, {name})
    await context_of(request).work.search(lambda engines: forget_repository(name, engines))
    return {"removed": name}


async def _status(request: Request, name: str) -> RepositoryStatus:
    from harness.store.catalog import in_scope

    def status(engines: Engines) -> RepositoryStatus:
        in_scope(engines.store, name)
        return next(one for one in repository_statuses(engines.store) if one.name == name)

    return await context_of(request).work.search(status)


async def _index(request: Request, parameters: dict[str, Any]) -> dict[str, str]:
    context = context_of(request)

    def start() -> FlowRun:
        return start_run(context.parts.prefect(), _DEPLOYMENT, parameters)

    run = await context.work.other(start)
    return {"run": run.id, "name": run.name}


def _shown(status: RepositoryStatus, caller: Caller) -> dict[str, Any]:
    document = status.to_dict()
    if not caller.may_with(Scope.ADMIN, status.name):
        document["path"] = ""
        if "://" not in status.source:
            document["source"] = ""
    return document
