"""End the processes of a stack, so that the Prefect server knows what became of its flow runs."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import psutil

from harness.errors import HarnessError, StackError
from harness.stack import processes
from harness.stack.runs import end_orphans, mark_stopped
from harness.stack.state import SERVER, StackState
from harness.stack.status import api_of, server_answers

# A flow run needs this long to report that it was stopped, a server to close its database.
_GRACE_SECONDS = 10.0


def stop(state: StackState, *, on_request: bool = False) -> bool:
    """End every process of a stack: flow runs, worker, server.

    The order matters. A flow run reports its own end to the server, or its worker does when it
    does not end in time; and a worker that ends first kills its flow runs.

    :param on_request: runs that are stopped do not go on with the next start.
    :returns: whether there was one.
    :raises StackError: a process did not end even when killed.
    """
    began = datetime.now(UTC)
    survivors, found = stop_runs(state)
    if on_request and server_answers(state):
        with contextlib.suppress(HarnessError):
            mark_stopped(api_of(state), state.work_pool, began)
    rest = processes.members(state.id, state.processes)
    survivors += processes.end(rest, grace_seconds=_GRACE_SECONDS)
    if survivors:
        pids = ", ".join(str(process.pid) for process in survivors)
        raise StackError(f"these processes cannot be ended: {pids}; look at them with `ps`")
    return found or bool(rest)


def stop_runs(state: StackState) -> tuple[list[psutil.Process], bool]:
    """End flow runs and the worker, and tell the server what became of the runs.

    :returns: the processes that cannot be ended, and whether there was any.
    """
    recorded = {record.pid for record in state.processes}
    runs = [p for p in processes.members(state.id, state.processes) if p.pid not in recorded]
    survivors = processes.end(runs, grace_seconds=_GRACE_SECONDS)
    server = state.process(SERVER)
    others = [
        process
        for process in processes.members(state.id, state.processes)
        if server is None or process.pid != server.pid
    ]
    survivors += processes.end(others, grace_seconds=_GRACE_SECONDS)
    if server_answers(state):
        with contextlib.suppress(HarnessError):
            end_orphans(api_of(state), state.work_pool)
    return survivors, bool(runs or others)
