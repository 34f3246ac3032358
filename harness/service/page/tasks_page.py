"""``/tasks``: coding tasks: the newest ones, a form, and one with its steps, patch and report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from harness.engines import Engines
from harness.errors import HarnessError, TransientError, UsageError
from harness.service import api_tasks
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs
from harness.service.page.forms import read_form
from harness.service.page.prose import prose
from harness.service.page.rendering import fragment, page
from harness.service.refusals import status_of
from harness.workspace.diffs import read_diff

router = APIRouter(include_in_schema=False)

_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})

Worker = Annotated[Caller, Depends(needs(Scope.TASK))]


@router.get("/tasks")
async def tasks_page(request: Request, caller: Worker) -> HTMLResponse:
    """The newest tasks and the form for another one."""
    return await _page(request, caller)


@router.post("/tasks")
async def start(request: Request, caller: Worker) -> Response:
    """Start a task and show it."""
    form = await read_form(request)
    try:
        new = api_tasks.NewTask(
            text=form.get("text", ""),
            repo=form.get("repo", ""),
            verify=form.get("verify") or None,
            ref=form.get("ref") or None,
        )
        task = await api_tasks.start(request, new, caller)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        return await _page(request, caller, 422, f"The field {field} cannot be used.", form)
    except (UsageError, TransientError) as error:
        return await _page(request, caller, status_of(error), str(error), form)
    return RedirectResponse(f"/tasks/{task['id']}", 303)


@router.get("/tasks/{task_id}")
async def task_page(request: Request, task_id: str, caller: Worker) -> HTMLResponse:
    """A task as far as it has come."""
    return page(request, caller, "task.html", **await _task(request, task_id, caller))


@router.get("/tasks/{task_id}/now")
async def task_now(request: Request, task_id: str, caller: Worker) -> HTMLResponse:
    """The same without the page around it, for the script that follows a task."""
    return fragment("_task.html", **await _task(request, task_id, caller))


@router.post("/tasks/{task_id}/cancel")
async def cancel(request: Request, task_id: str, caller: Worker) -> Response:
    """Ask for a task's end."""
    task = await api_tasks.end(request, task_id, caller)
    return RedirectResponse(f"/tasks/{task['id']}", 303)


async def _task(request: Request, task_id: str, caller: Caller) -> dict[str, Any]:
    task = await api_tasks.task(request, task_id, caller)
    return {
        "task": task,
        "files": read_diff(task["patch"]),
        "report": prose(task["report"]),
        "is_final": task["state_type"] in _FINAL,
    }


async def _page(
    request: Request,
    caller: Caller,
    status: int = 200,
    message: str = "",
    form: dict[str, str] | None = None,
) -> HTMLResponse:
    def names(engines: Engines) -> list[str]:
        sees = caller.visible(Scope.TASK)
        return [one.name for one in engines.store.repositories() if sees(one.name)]

    tasks: list[dict[str, Any]] = []
    try:
        tasks = (await api_tasks.tasks(request, caller))["tasks"]
    except HarnessError as error:
        message = message or str(error)
    return page(
        request,
        caller,
        "tasks.html",
        status,
        tasks=tasks,
        repositories=await context_of(request).work.search(names),
        form={"text": "", "repo": "", "verify": "", "ref": "", **(form or {})},
        message=message,
    )
