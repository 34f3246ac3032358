"""Start, find and stop the local Prefect server and worker."""

from __future__ import annotations

import contextlib
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil
from filelock import FileLock, Timeout

from harness.errors import HarnessError, StackError
from harness.stack import processes
from harness.stack.api import PrefectApi
from harness.stack.deploying import Change, DeployProcess, last_line
from harness.stack.environment import (
    WORK_POOL,
    api_url,
    deploy_environment,
    stack_environment,
    ui_url,
)
from harness.stack.ports import check_port
from harness.stack.processes import ProcessRecord
from harness.stack.runs import end_orphans, mark_stopped
from harness.stack.state import Layout, StackState, read_state, remove_state, write_state

OnProgress = Callable[[str], None]
_T = TypeVar("_T")

_SERVER, _WORKER = "server", "worker"
# A flow run needs this long to report that it was stopped, a server to close its database.
_GRACE_SECONDS = 10.0
_LOCK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class StackStatus:
    """A running stack; ``url``, ``api_url``, ``work_pool`` and ``pids`` are the JSON contract
    of ``harness up``. ``pids`` is by role (``server``, ``worker``); ``started`` is False when
    everything was running already; ``changes`` is what deploying did, empty then."""

    url: str
    api_url: str
    work_pool: str
    pids: Mapping[str, int]
    started: bool = False
    changes: tuple[Change, ...] = field(default=())


def up(
    data_dir: Path,
    *,
    port: int = 4200,
    timeout_seconds: float = 180.0,
    on_progress: OnProgress | None = None,
) -> StackStatus:
    """Start the server, the worker and all deployments, or find those that already run.

    A running stack is returned as it is, whatever ``port`` says. One of which parts are missing
    (killed, or the machine was restarted) is completed or started anew. When starting fails or
    is interrupted, nothing is left running.

    :param data_dir: the database, state and logs go below it.
    :param port: of the server and its UI, on 127.0.0.1.
    :param timeout_seconds: for the server, and again for the worker and the deployments.
    :param on_progress: is given one line a step.
    :raises StackError: the port is taken, or something did not start; names option or log.
    """
    layout = Layout(data_dir.resolve())
    say = on_progress or _ignore
    with _locked(layout):
        state = read_state(layout)
        if state is not None:
            running = _status(state)
            if running is not None:
                return running
            if not _server_answers(state):
                say("the last stack did not end cleanly: removing what is left of it")
                _stop(state)
                remove_state(layout)
                state = None
        if state is None:
            return _start_all(layout, port, timeout_seconds, say)
        say("the worker has ended: starting another one")
        _stop_runs(state)
        return _complete(layout, state, timeout_seconds, say)


def down(data_dir: Path, *, on_progress: OnProgress | None = None) -> bool:
    """Stop what :func:`up` started, flow runs included, and nothing else.

    Flow runs end first, while there is a server that can note it.

    :returns: False when nothing was running.
    :raises StackError: a process did not end even when killed.
    """
    layout = Layout(data_dir.resolve())
    if not layout.directory.is_dir():
        return False
    with _locked(layout):
        state = read_state(layout)
        if state is None:
            return False
        if on_progress is not None:
            on_progress("stopping flow runs, worker and server")
        stopped = _stop(state, on_request=True)
        remove_state(layout)
        return stopped


def status(data_dir: Path) -> StackStatus | None:
    """The stack of a data directory when its server answers and its worker runs, else None."""
    state = read_state(Layout(data_dir.resolve()))
    return None if state is None else _status(state)


def deploy(
    data_dir: Path,
    *,
    url: str,
    pool: str = "process",
    prune: bool = False,
    timeout_seconds: float = 300.0,
) -> tuple[Change, ...]:
    """Register work pool, deployments, limits and automations; can be repeated.

    :param url: API of any Prefect server, local or in a cluster.
    :param pool: type of the work pool, ``process`` or ``kubernetes``.
    :param prune: remove what was registered before and is declared no longer.
    :raises StackError: it failed; names the log.
    """
    layout = Layout(data_dir.resolve())
    layout.create()
    env = deploy_environment(url, layout.prefect_home)
    with DeployProcess(pool, env=env, log=layout.log("deploy"), prune=prune) as deployment:
        return deployment.wait(timeout_seconds)


def _start_all(layout: Layout, port: int, timeout_seconds: float, say: OnProgress) -> StackStatus:
    check_port(port)
    state = StackState(id=uuid.uuid4().hex, port=port)
    try:
        say(f"starting the Prefect server at {ui_url(port)} (15-40 s)")
        record = _prefect(layout, state, _SERVER, "server", "start")
        state = state.with_process(record)
        write_state(layout, state)
        return _complete(layout, state, timeout_seconds, say)
    except BaseException:
        _stop(state)
        remove_state(layout)
        raise


def _complete(
    layout: Layout, state: StackState, timeout_seconds: float, say: OnProgress
) -> StackStatus:
    """Deploy to a server that runs or starts, and start the worker."""
    api = PrefectApi(api_url(state.port))
    env = stack_environment(layout, state.port, state.id)
    # Started before the server answers: it spends those seconds importing Prefect.
    with DeployProcess("process", env=env, log=layout.log("deploy")) as deployment:
        _wait(
            lambda: api.is_healthy() or None,
            lambda: _require(layout, state, _SERVER),
            "the Prefect server",
            timeout_seconds,
            layout,
        )
        say("deploying, and starting the worker")
        # Runs of a stack that was killed; nothing carries them out any more.
        end_orphans(api, WORK_POOL)
        _wait(
            lambda: _pool_exists(api) or deployment.check() or None,
            lambda: _require(layout, state, _SERVER),
            "the work pool",
            timeout_seconds,
            layout,
        )
        worker_name = f"local-{state.id[:8]}-{int(time.time())}"
        record = _prefect(
            layout,
            state,
            _WORKER,
            *("worker", "start", "--pool", WORK_POOL, "--type", "process"),
            *("--name", worker_name, "--install-policy", "never"),
        )
        state = state.with_process(record)
        write_state(layout, state)
        changes = deployment.wait(timeout_seconds)
    _wait(
        lambda: worker_name in api.online_workers(WORK_POOL) or None,
        lambda: _require(layout, state, _WORKER),
        "the worker",
        timeout_seconds,
        layout,
    )
    return _describe(state, started=True, changes=changes)


def _prefect(layout: Layout, state: StackState, role: str, *arguments: str) -> ProcessRecord:
    """Start ``prefect …``. ``-P`` keeps the working directory, which holds Prefect's own files,
    off the import path."""
    return processes.start(
        role,
        (sys.executable, "-P", "-m", "prefect", "--no-prompt", *arguments),
        env=stack_environment(layout, state.port, state.id),
        cwd=layout.prefect_home,
        log=layout.log(role),
    )


def _stop(state: StackState, *, on_request: bool = False) -> bool:
    """End every process of a stack: flow runs, worker, server.

    In this order, because a flow run's end is reported to the server by itself or, when it
    does not end in time, by its worker; and a worker that ends first kills its flow runs.

    :param on_request: runs that are stopped do not go on with the next start.
    :returns: whether there was one.
    :raises StackError: a process did not end even when killed.
    """
    began = datetime.now(UTC)
    survivors, found = _stop_runs(state)
    if on_request and _server_answers(state):
        with contextlib.suppress(HarnessError):
            mark_stopped(PrefectApi(api_url(state.port)), WORK_POOL, began)
    rest = processes.members(state.id, state.processes)
    survivors += processes.end(rest, grace_seconds=_GRACE_SECONDS)
    if survivors:
        pids = ", ".join(str(process.pid) for process in survivors)
        raise StackError(f"these processes cannot be ended: {pids}; look at them with `ps`")
    return found or bool(rest)


def _stop_runs(state: StackState) -> tuple[list[psutil.Process], bool]:
    """End flow runs and the worker and note what became of them.

    :returns: the processes that cannot be ended, and whether there was any.
    """
    recorded = {record.pid for record in state.processes}
    runs = [p for p in processes.members(state.id, state.processes) if p.pid not in recorded]
    survivors = processes.end(runs, grace_seconds=_GRACE_SECONDS)
    server = state.process(_SERVER)
    others = [
        process
        for process in processes.members(state.id, state.processes)
        if server is None or process.pid != server.pid
    ]
    survivors += processes.end(others, grace_seconds=_GRACE_SECONDS)
    if _server_answers(state):
        with contextlib.suppress(HarnessError):
            end_orphans(PrefectApi(api_url(state.port)), WORK_POOL)
    return survivors, bool(runs or others)


def _status(state: StackState) -> StackStatus | None:
    worker = state.process(_WORKER)
    if worker is None or not processes.is_running(worker) or not _server_answers(state):
        return None
    return _describe(state, started=False)


def _server_answers(state: StackState) -> bool:
    server = state.process(_SERVER)
    if server is None or not processes.is_running(server):
        return False
    return PrefectApi(api_url(state.port)).is_healthy()


def _describe(state: StackState, *, started: bool, changes: tuple[Change, ...] = ()) -> StackStatus:
    return StackStatus(
        url=ui_url(state.port),
        api_url=api_url(state.port),
        work_pool=WORK_POOL,
        pids={record.role: record.pid for record in state.processes},
        started=started,
        changes=changes,
    )


def _pool_exists(api: PrefectApi) -> bool:
    try:
        return bool(api.request("GET", f"/work_pools/{WORK_POOL}"))
    except HarnessError:
        return False


def _require(layout: Layout, state: StackState, role: str) -> None:
    record = state.process(role)
    if record is None or not processes.is_running(record):
        log = layout.log(role)
        raise StackError(f"the Prefect {role} ended at once: {last_line(log)} (see {log})")


def _wait(
    probe: Callable[[], _T | None],
    check: Callable[[], None],
    what: str,
    timeout_seconds: float,
    layout: Layout,
) -> _T:
    """Call ``probe`` until it gives something; ``check`` raises when that is hopeless."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        check()
        result = probe()
        if result is not None:
            return result
        if time.monotonic() > deadline:
            raise StackError(
                f"{what} was not ready after {timeout_seconds:.0f} s (logs in {layout.directory});"
                " a slow machine may need a larger HARNESS_START_TIMEOUT_SECONDS"
            )
        time.sleep(0.2)


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    layout.create()
    try:
        with FileLock(layout.lock_file, timeout=_LOCK_SECONDS, mode=0o600):
            yield
    except Timeout:
        raise StackError(
            "another `harness up` or `harness down` is still at work in this data directory"
        ) from None


def _ignore(_message: str) -> None:
    return None
