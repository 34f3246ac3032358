"""Start a deployment's run on a Prefect server and follow it to its end, over HTTP."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from harness.errors import ServiceUnavailableError, StackError
from harness.stack.api import PrefectApi

_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
# A busy machine may leave a call unanswered; a server that is gone stays silent for longer.
_SILENCE_SECONDS = 60.0
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A run as the server sees it.

    ``state_type`` is one of Prefect's (``PENDING``, ``RUNNING``, ``COMPLETED``, ``FAILED``…),
    ``progress`` in percent from its progress artifact, None before there is one.
    """

    id: str
    name: str
    state_type: str
    state_name: str
    message: str
    progress: float | None = None

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.state_type in _FINAL


def start_run(api: PrefectApi, deployment: str, parameters: Mapping[str, object]) -> FlowRun:
    """Create a run of ``flow/deployment``; a worker picks it up.

    A busy server may answer 503: the call is repeated under one idempotency key, so that it
    creates one run however often it is sent.

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
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _run(api.mapping("POST", f"/deployments/{found['id']}/create_flow_run", body))
        except ServiceUnavailableError:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(attempt)
    raise AssertionError("unreachable")


def follow(
    api: PrefectApi,
    run_id: str,
    *,
    on_change: Callable[[FlowRun], None] | None = None,
    timeout_seconds: float,
    poll_seconds: float = 1.0,
) -> FlowRun:
    """Wait until a run has ended, telling each change of its name, state or progress.

    :raises StackError: it has not ended in time; the run itself goes on.
    :raises ServiceUnavailableError: the server has been silent for a minute.
    """
    deadline = time.monotonic() + timeout_seconds
    last_answer = time.monotonic()
    seen: FlowRun | None = None
    while True:
        try:
            run = read_run(api, run_id)
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


def read_run(api: PrefectApi, run_id: str) -> FlowRun:
    """One look at a run and its progress artifact.

    :raises ServiceUnavailableError: the server does not answer.
    """
    run = _run(api.mapping("GET", f"/flow_runs/{run_id}"))
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
    return FlowRun(
        run.id,
        run.name,
        run.state_type,
        run.state_name,
        run.message,
        float(progress) if isinstance(progress, int | float) else None,
    )


def end_orphans(api: PrefectApi, work_pool: str) -> int:
    """Give the runs of a pool that no process carries out any more their true state: crashed,
    or cancelled where that was under way. Only call it when the pool has no worker.

    :returns: how many there were.
    :raises ServiceUnavailableError: the server does not answer.
    """
    runs = api.listing(
        "POST",
        "/flow_runs/filter",
        {
            "flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}},
            "work_pools": {"name": {"any_": [work_pool]}},
        },
    )
    for run in runs:
        cancelled = run.get("state_type") == "CANCELLING"
        state = {
            "type": "CANCELLED" if cancelled else "CRASHED",
            "message": "Its process was stopped together with the worker; start it again.",
        }
        api.request("POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})
    return len(runs)


def mark_stopped(api: PrefectApi, work_pool: str, since: datetime) -> int:
    """Give runs that crashed since a time the state `Stopped` of the same type. An automation
    (deployments/automations.yaml) starts what has crashed once more, but not what was stopped.

    :returns: how many there were.
    :raises ServiceUnavailableError: the server does not answer.
    """
    runs = api.listing(
        "POST",
        "/flow_runs/filter",
        {
            "flow_runs": {
                "state": {"type": {"any_": ["CRASHED"]}},
                "end_time": {"after_": since.isoformat()},
            },
            "work_pools": {"name": {"any_": [work_pool]}},
        },
    )
    state = {"type": "CRASHED", "name": "Stopped", "message": "Stopped by `harness down`."}
    for run in runs:
        api.request("POST", f"/flow_runs/{run['id']}/set_state", {"state": state, "force": True})
    return len(runs)


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
