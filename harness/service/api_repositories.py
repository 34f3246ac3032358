"""``/api/v1/repositories``: what is indexed, how fresh; refreshed and removed by administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from harness.engines import Engines
from harness.index.forgetting import forget_repository
from harness.index.status import RepositoryStatus, repository_statuses
from harness.repository.sources import is_git_url
from harness.service.callers import Caller, Scope
from harness.service.context import Context, allowed, context_of, needs, note
from harness.stack.runs import FlowRun, start_run
from harness.store.catalog import in_scope

router = APIRouter(prefix="/api/v1", tags=["repositories"])

_DEPLOYMENT = "index-repository/index-repository"

Administrator = Annotated[Caller, Depends(needs(Scope.ADMIN))]
Name = Annotated[str, Field(min_length=1, max_length=500)]
RepositoryName = Annotated[str, Path(description="Its name in the index.")]


class NewRepository(BaseModel):
    """A repository to index: a git URL, or a folder as the worker sees it."""

    source: str = Field(
        min_length=1,
        max_length=2_000,
        description="A git URL without credentials, or a folder.",
        examples=["https://git.example.org/web"],
    )
    name: str = Field(
        min_length=1, max_length=500, description="Its name in the index.", examples=["web"]
    )


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
    return {"repos": [shown_to(caller, one) for one in found]}


@router.post("/repositories", status_code=202)
async def add(request: Request, new: NewRepository, caller: Administrator) -> dict[str, str]:
    """Index a new repository; the answer names the flow run."""
    allowed(caller, Scope.ADMIN, new.name)
    note(request, {new.name})
    return await _index(context_of(request), {"source": new.source, "name": new.name})


@router.post("/repositories/{name:path}/sync", status_code=202)
async def sync(request: Request, name: RepositoryName, caller: Administrator) -> dict[str, str]:
    """Index what has changed; the answer names the flow run."""
    allowed(caller, Scope.ADMIN, name)
    note(request, {name})
    return await sync_run(context_of(request), name)


@router.delete("/repositories/{name:path}")
async def remove(request: Request, name: RepositoryName, caller: Administrator) -> dict[str, str]:
    """Remove a repository from the index; nothing else is touched."""
    allowed(caller, Scope.ADMIN, name)
    note(request, {name})
    await context_of(request).work.search(lambda engines: forget_repository(name, engines))
    return {"removed": name}


async def sync_run(context: Context, name: str) -> dict[str, str]:
    """Start a flow run that indexes what has changed; the caller's permission was checked.

    :returns: its id as ``run``, and its ``name``.
    :raises RepositoryNotFoundError: the repository is not indexed.
    :raises HarnessError: Prefect cannot start it.
    """

    def status(engines: Engines) -> RepositoryStatus:
        in_scope(engines.store, name)
        return next(one for one in repository_statuses(engines.store) if one.name == name)

    found = await context.work.search(status)
    return await _index(context, {"source": found.source or found.path, "name": name})


def shown_to(caller: Caller, status: RepositoryStatus) -> dict[str, Any]:
    """What a caller is told of a repository: folders of the server only as an administrator."""
    document = status.to_dict()
    for key in ("path", "source"):
        document[key] = told_place(caller, status.name, str(document[key]))
    return document


def told_place(caller: Caller, name: str, place: str) -> str:
    """A repository's folder or URL as a caller may know it; empty for a folder of the server."""
    elsewhere = is_git_url(place) and not place.lower().startswith("file:")
    return place if elsewhere or caller.may_with(Scope.ADMIN, name) else ""


async def _index(context: Context, parameters: dict[str, Any]) -> dict[str, str]:
    def start() -> FlowRun:
        return start_run(context.parts.prefect(), _DEPLOYMENT, parameters)

    run = await context.work.other(start)
    return {"run": run.id, "name": run.name}
