"""Whether a recorded stack still runs, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.stack import processes
from harness.stack.api import PrefectApi
from harness.stack.deploying import Change
from harness.stack.environment import api_url, ui_url
from harness.stack.state import SERVER, SERVICE, WORKER, StackState


@dataclass(frozen=True, slots=True)
class StackStatus:
    """A running stack; ``url``, ``api_url``, ``work_pool`` and ``pids`` are the JSON contract
    of ``harness up``.

    :param pids: by role (``server``, ``worker``, ``service``).
    :param service_url: of the page and the API; empty when no service runs.
    :param started: False when everything was running already.
    :param changes: what deploying did; empty when nothing was started.
    """

    url: str
    api_url: str
    work_pool: str
    pids: Mapping[str, int]
    service_url: str = ""
    started: bool = False
    changes: tuple[Change, ...] = ()


def running(state: StackState) -> StackStatus | None:
    """The stack when its server answers and its worker runs, else None."""
    worker = state.process(WORKER)
    if worker is None or not processes.is_running(worker) or not server_answers(state):
        return None
    return describe(state)


def server_answers(state: StackState) -> bool:
    """Tell whether the server's process runs and the server is healthy."""
    server = state.process(SERVER)
    if server is None or not processes.is_running(server):
        return False
    return api_of(state).is_healthy()


def service_runs(state: StackState) -> bool:
    """Tell whether the process of the service runs."""
    service = state.process(SERVICE)
    return service is not None and processes.is_running(service)


def api_of(state: StackState) -> PrefectApi:
    """The API of a stack's server."""
    return PrefectApi(api_url(state.port), auth_string=state.auth_string)


def describe(
    state: StackState, *, started: bool = False, changes: tuple[Change, ...] = ()
) -> StackStatus:
    """What the caller is told of a stack that runs."""
    serves = service_runs(state)
    return StackStatus(
        url=ui_url(state.port),
        api_url=api_url(state.port),
        work_pool=state.work_pool,
        pids={r.role: r.pid for r in state.processes if r.role != SERVICE or serves},
        service_url=ui_url(state.service_port) if serves else "",
        started=started,
        changes=changes,
    )
