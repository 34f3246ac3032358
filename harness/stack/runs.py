"""Start a deployment's run on a Prefect server and follow it to its end, over HTTP."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from harness.errors import ServiceUnavailableError, StackError
from harness.stack.api import PrefectApi

_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
# A busy server may leave a call unanswered for a while; one that is silent this long is gone.
_SILENCE_SECONDS = 60.0
# For what does nothing twice when it is sent again: a start with a key, the setting of a state.
_ATTEMPTS = 4
# Prefect gives at most 200 lines at once; a task has a few for each step.
_LOG_PAGE = 200
_LOG_PAGES = 10
FAILURE = "failure-"
"""Begins the key of the artifact that says why a run failed (flows/outcomes.py)."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a run has published; ``key`` is its name in the UI, ``type`` one of Prefect's."""

    id: str
    key: str
    type: str
    description: str
    data: object


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A run as the server sees it.

    :param state_type: one of Prefect's: ``PENDING``, ``RUNNING``, ``COMPLETED``, ``FAILED``…
    :param progress: in percent, from the run's progress artifact; None before there is one.
    :param children: runs that it has started, and ``children_ended`` how many of them have ended;
        0 unless they were asked for.
    """

    id: str
    name: str
    state_type: str
    state_name: str
    message: str
    progress: float | None = None
    children: int = 0
    children_ended: int = 0

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.state_type in _FINAL


def start_run(api: PrefectApi, deployment: str, parameters: Mapping[str, object]) -> FlowRun:
    """Create a run of ``flow/deployment``; a worker picks it up.

    The call has an idempotency key: it creates one run however often a busy server lets it be sent.

    :raises StackError: no such deployment.
    :raises UsageError: the parameters do not fit the flow; says which.
    :raises ServiceUnavailableError: the server does not answer.
    """
    flow_name, _, deployment_name = deployment.partition("/")
    found = api.mapping("GET", f"/deployments/name/{flow_name}/{deployment_name}")
    body = {
        "parameters": dict(parameters),
        "state": {"type": "SCHEDULED"},
        "idempotency_key": uuid.uuid4().hex,
    }
    path = f"/deployments/{found['id']}/create_flow_run"
    return _run(api.mapping("POST", path, body, attempts=_ATTEMPTS))


def follow(
    api: PrefectApi,
    run_id: str,
    *,
    on_change: Callable[[FlowRun], None] | None = None,
    timeout_seconds: float,
    poll_seconds: float = 1.0,
    with_children: bool = False,
) -> FlowRun:
    """Wait until a run has ended, and report each change of its name, state or progress.

    :param with_children: also look at the runs that it starts.

    :raises StackError: it has not ended in time; the run itself goes on.
    :raises ServiceUnavailableError: the server has been silent for a minute.
    """
    deadline = time.monotonic() + timeout_seconds
    last_answer = time.monotonic()
    seen: FlowRun | None = None
    while True:
        try:
            run = read_run(api, run_id, with_children=with_children)
            last_answer = time.monotonic()
        except ServiceUnavailableError:
            if time.monotonic() - last_answer > _SILENCE_SECONDS:
                raise
        else:
            if run != seen and on_change is not None:
                on_change(run)
            seen = run
            if run.is_final:
                return run
        if time.monotonic() > deadline:
            state = seen.state_name if seen else "unknown"
            raise StackError(f"the run did not end within {timeout_seconds:.0f} s (now: {state})")
        time.sleep(poll_seconds)


def read_run(api: PrefectApi, run_id: str, *, with_children: bool = False) -> FlowRun:
    """Read a run and its progress artifact once.

    :raises ServiceUnavailableError: the server does not answer.
    """
    run = _run(api.mapping("GET", f"/flow_runs/{run_id}"))
    if with_children:
        of_it = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}}
        started = api.listing("POST", "/flow_runs/filter", of_it)
        ended = sum(child.get("state_type") in _FINAL for child in started)
        run = replace(run, children=len(started), children_ended=ended)
    artifacts = api.listing(
        "POST",
        "/artifacts/filter",
        {
            "artifacts": {"flow_run_id": {"any_": [run_id]}, "type": {"any_": ["progress"]}},
            "limit": 1,
        },
    )
    if not artifacts:
        return run
    progress = artifacts[0].get("data")
    return replace(run, progress=float(progress)) if isinstance(progress, int | float) else run


def artifacts_of(api: PrefectApi, run: FlowRun, *, wait_seconds: float = 10.0) -> list[Artifact]:
    """What a run has published, its own words first: why it failed, then tables and pages.

    :param wait_seconds: how long to wait for the reason of a failed run, which is published after
        its state is set.
    :raises ServiceUnavailableError: the server does not answer.
    """
    deadline = time.monotonic() + (wait_seconds if run.state_type == "FAILED" else 0.0)
    while True:
        query = {"artifacts": {"flow_run_id": {"any_": [run.id]}}}
        found = [
            Artifact(
                id=str(entry["id"]),
                key=str(entry.get("key") or ""),
                type=str(entry.get("type") or ""),
                description=str(entry.get("description") or ""),
                data=entry.get("data"),
            )
            for entry in api.listing("POST", "/artifacts/filter", query)
            # Without a key are Prefect's own notes on results of tasks.
            if entry.get("key") and entry.get("type") != "progress"
        ]
        found.sort(key=lambda artifact: (not artifact.key.startswith(FAILURE), artifact.key))
        has_reason = bool(found) and found[0].key.startswith(FAILURE)
        if has_reason or time.monotonic() >= deadline:
            return found
        time.sleep(0.5)


def log_lines(api: PrefectApi, run_id: str) -> list[str]:
    """What a run has logged so far, oldest first, without what is for debugging.

    :raises ServiceUnavailableError: the server does not answer.
    """
    found: list[str] = []
    for page in range(_LOG_PAGES):
        query = {
            "logs": {"flow_run_id": {"any_": [run_id]}, "level": {"ge_": logging.INFO}},
            "sort": "TIMESTAMP_ASC",
            "limit": _LOG_PAGE,
            "offset": page * _LOG_PAGE,
        }
        lines = api.listing("POST", "/logs/filter", query)
        found += [str(line.get("message") or "") for line in lines]
        if len(lines) < _LOG_PAGE:
            break
    return found


def cancel(api: PrefectApi, run: FlowRun) -> FlowRun:
    """Ask for a run's end; its worker ends the process.

    :returns: the run as it is now; one that has ended stays as it is.
    :raises ServiceUnavailableError: the server does not answer.
    """
    state = {"type": "CANCELLING", "name": "Cancelling"}
    path = f"/flow_runs/{run.id}/set_state"
    api.request("POST", path, {"state": state}, attempts=_ATTEMPTS)
    return read_run(api, run.id)


def end_orphans(api: PrefectApi, work_pool: str) -> int:
    """Correct the state of a pool's runs that no process carries out any more: crashed, or
    cancelled if that was under way; what a worker had taken and not begun waits for another one.
    Only call it when the pool has no worker.

    :returns: how many there were.
    :raises ServiceUnavailableError: the server does not answer.
    """
    unfinished = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
    runs = _runs_of(api, work_pool, unfinished)
    message = "Its process was stopped together with the worker; start it again."
    became = {
        "PENDING": {"type": "SCHEDULED", "name": "Resubmitting", "message": "Its worker was lost."},
        "RUNNING": {"type": "CRASHED", "message": message},
        "CANCELLING": {"type": "CANCELLED", "message": message},
    }
    for run in runs:
        _set_state(api, run, became[str(run["state_type"])])
    return len(runs)


def mark_stopped(api: PrefectApi, work_pool: str, since: datetime) -> int:
    """Name the state of runs that have crashed since a time `Stopped`. An automation
    (deployments/automations.yaml) starts what has crashed once more, but not what was stopped.

    :returns: how many there were.
    :raises ServiceUnavailableError: the server does not answer.
    """
    crashed = {
        "state": {"type": {"any_": ["CRASHED"]}},
        "end_time": {"after_": since.isoformat()},
    }
    runs = _runs_of(api, work_pool, crashed)
    for run in runs:
        state = {"type": "CRASHED", "name": "Stopped", "message": "Stopped by `harness down`."}
        _set_state(api, run, state)
    return len(runs)


def _runs_of(
    api: PrefectApi, work_pool: str, where: Mapping[str, object]
) -> list[dict[str, object]]:
    pool = {"name": {"any_": [work_pool]}}
    return api.listing("POST", "/flow_runs/filter", {"flow_runs": where, "work_pools": pool})


def _set_state(api: PrefectApi, run: Mapping[str, object], state: Mapping[str, str]) -> None:
    path = f"/flow_runs/{run['id']}/set_state"
    api.request("POST", path, {"state": state, "force": True}, attempts=_ATTEMPTS)


def _run(document: Mapping[str, object]) -> FlowRun:
    state = document.get("state")
    message = state.get("message") if isinstance(state, dict) else None
    return FlowRun(
        id=str(document["id"]),
        name=str(document["name"]),
        state_type=str(document.get("state_type") or ""),
        state_name=str(document.get("state_name") or ""),
        message=str(message or ""),
    )
