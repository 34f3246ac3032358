"""Whether a recorded stack still runs, and how to reach it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.stack import processes
from harness.stack.api import PrefectApi
from harness.stack.deploying import Change
from harness.stack.environment import api_url, ui_url
from harness.stack.state import SERVER, SERVICE, WORKER, StackState

_POLL_SECONDS = 0.2


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
    if not _runs(state, WORKER) or not server_answers(state):
        return None
    return describe(state)


def is_silent(state: StackState) -> bool:
    """Whether the processes of server and worker are there, so that a stack that is not
    :func:`running` has a server that does not answer."""
    return _runs(state, SERVER) and _runs(state, WORKER)


def wait_for_answer(state: StackState, seconds: float, say: Callable[[str], None]) -> None:
    """Let a server whose process runs come to answer: it may just be busy, and whoever starts it
    anew ends the flow runs of the worker."""
    deadline = time.monotonic() + seconds
    waits = False
    while _runs(state, SERVER) and not server_answers(state) and time.monotonic() < deadline:
        if not waits:
            say("the server runs and does not answer: waiting for it")
        waits = True
        time.sleep(_POLL_SECONDS)


def server_answers(state: StackState) -> bool:
    """Tell whether the server's process runs and the server is healthy."""
    return _runs(state, SERVER) and api_of(state).is_healthy()


def service_runs(state: StackState) -> bool:
    """Tell whether the process of the service runs."""
    return _runs(state, SERVICE)


def _runs(state: StackState, role: str) -> bool:
    process = state.process(role)
    return process is not None and processes.is_running(process)


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
