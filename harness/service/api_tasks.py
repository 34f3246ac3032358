"""``/api/v1/tasks``: coding tasks, carried out by Prefect's flow ``agent-task``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from harness.errors import StackError
from harness.repository.credentials import redact
from harness.service.callers import Caller, Scope
from harness.service.context import allowed, context_of, needs, note
from harness.stack.api import PrefectApi
from harness.stack.runs import artifacts_of, cancel, log_lines, read_run, start_run
from harness.store.catalog import in_scope

router = APIRouter(prefix="/api/v1", tags=["tasks"])

_DEPLOYMENT = "agent-task/agent-task"
_FLOW = "agent-task"
_FENCE = re.compile(r"\A(`{3,})[a-z]*\n(.*)\n\1\s*(?:\n\nCut here;.*)?\Z", re.DOTALL)
# The patch in colours, which Prefect's page shows below the report; here the patch itself is shown.
_PICTURE = re.compile(r"\n\n!\[[^\]\n]*\]\(data:image/svg\+xml;base64,[\w+/=]*\)\s*\Z")
# As flows/agent_task.py logs what the agent does.
_STEP = re.compile(r"\[\d+\] ")

Worker = Annotated[Caller, Depends(needs(Scope.TASK))]
TaskId = Annotated[str, Path(description="Id of its flow run.")]


class NewTask(BaseModel):
    """What to do in an indexed repository."""

    text: str = Field(
        min_length=1,
        max_length=20_000,
        description="What to do, in your words.",
        examples=["add a --verbose flag"],
    )
    repo: str = Field(
        min_length=1, max_length=500, description="Its name in the index.", examples=["web"]
    )
    verify: str | None = Field(
        default=None,
        max_length=2_000,
        description="Command that must pass.",
        examples=["pytest -q"],
    )
    ref: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[\w./-]+$",
        description="Commit to start from. Default: the one in the index.",
    )


@router.post("/tasks", status_code=202)
async def start(request: Request, new: NewTask, caller: Worker) -> dict[str, Any]:
    """Start a task; the answer names the flow run."""
    allowed(caller, Scope.TASK, new.repo)
    note(request, {new.repo})
    context = context_of(request)
    # Only a name of the index: a folder could be any of the worker's machine.
    await context.work.search(
        lambda engines: in_scope(engines.store, new.repo, caller.visible(Scope.TASK))
    )
    parameters = {"text": new.text, "repository": new.repo, "verify": new.verify, "ref": new.ref}
    run = await context.work.other(start_run, context.parts.prefect(), _DEPLOYMENT, parameters)
    return {"id": run.id, "name": run.name, "state": run.state_name, "repo": new.repo}


@router.get("/tasks")
async def tasks(
    request: Request,
    caller: Worker,
    limit: Annotated[int, Query(ge=1, le=100, description="Most tasks.")] = 20,
) -> dict[str, list[dict[str, Any]]]:
    """The newest tasks in repositories of the caller."""
    context = context_of(request)

    def read() -> Sequence[Mapping[str, Any]]:
        query = {"flows": {"name": {"any_": [_FLOW]}}, "sort": "START_TIME_DESC", "limit": 200}
        return context.parts.prefect().listing("POST", "/flow_runs/filter", query)

    sees = caller.visible(Scope.TASK)
    runs = [_shown(run) for run in await context.work.other(read)]
    return {"tasks": [run for run in runs if sees(run["repo"])][:limit]}


@router.get("/tasks/{task_id}")
async def task(request: Request, task_id: TaskId, caller: Worker) -> dict[str, Any]:
    """A task: its steps so far and, once it has ended, its patch and report."""
    context = context_of(request)
    shown = await _one(request, task_id, caller)
    run = await context.work.other(read_run, context.parts.prefect(), shown["id"])
    artifacts = await context.work.other(
        artifacts_of, context.parts.prefect(), run, wait_seconds=0.0
    )
    logged = await context.work.other(log_lines, context.parts.prefect(), run.id)
    texts = {one.key: str(one.data) for one in artifacts}
    return {
        **shown,
        "message": run.message,
        "steps": [redact(line, suspected=True) for line in logged if _STEP.match(line)],
        "patch": _unfenced(_named(texts, "patch")),
        "patch_cut": "\n\nCut here;" in _named(texts, "patch"),
        "report": _PICTURE.sub("", _named(texts, "report")),
        "trajectory": _unfenced(_named(texts, "trajectory")),
    }


@router.get("/tasks/{task_id}/patch", response_class=PlainTextResponse)
async def patch(request: Request, task_id: TaskId, caller: Worker) -> PlainTextResponse:
    """The patch alone, for ``git apply``."""
    found = await task(request, task_id, caller)
    if not found["patch"]:
        raise HTTPException(404, "the task has no patch (yet)")
    return PlainTextResponse(found["patch"] + "\n", media_type="text/x-diff")


@router.post("/tasks/{task_id}/cancel", status_code=202)
async def end(request: Request, task_id: TaskId, caller: Worker) -> dict[str, Any]:
    """Ask for the end of a task."""
    context = context_of(request)
    shown = await _one(request, task_id, caller)
    api = context.parts.prefect()
    run = await context.work.other(lambda: cancel(api, read_run(api, shown["id"])))
    return {**shown, "state": run.state_name}


async def _one(request: Request, task_id: str, caller: Caller) -> dict[str, Any]:
    """A task of a repository that the caller may work on; of others nothing is known."""
    if not re.fullmatch(r"[0-9a-f-]{32,36}", task_id):
        raise HTTPException(404, "there is no such task")
    context = context_of(request)
    try:
        run = await context.work.other(_read, context.parts.prefect(), task_id)
    except StackError:
        run = None
    if run is None or not caller.may_with(Scope.TASK, _shown(run)["repo"]):
        raise HTTPException(404, "there is no such task")
    note(request, {_shown(run)["repo"]})
    return _shown(run)


def _read(api: PrefectApi, task_id: str) -> Mapping[str, Any] | None:
    query = {
        "flows": {"name": {"any_": [_FLOW]}},
        "flow_runs": {"id": {"any_": [task_id]}},
        "limit": 1,
    }
    found = api.listing("POST", "/flow_runs/filter", query)
    return found[0] if found else None


def _shown(run: Mapping[str, Any]) -> dict[str, Any]:
    parameters = run.get("parameters") or {}
    return {
        "id": str(run["id"]),
        "name": str(run.get("name", "")),
        "state": str(run.get("state_name") or ""),
        "state_type": str(run.get("state_type") or ""),
        "text": str(parameters.get("text", "")),
        "repo": str(parameters.get("repository", "")),
        "started": run.get("start_time"),
        "ended": run.get("end_time"),
    }


def _named(texts: Mapping[str, str], name: str) -> str:
    return next((text for key, text in texts.items() if key.endswith(name)), "")


def _unfenced(text: str) -> str:
    match = _FENCE.match(text)
    return match[2] if match else ""
