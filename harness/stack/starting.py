"""Start a stack's server, deploy to it, start its worker, and wait until each is ready."""

from __future__ import annotations

import http.client
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.errors import HarnessError, StackError
from harness.files import PRIVATE_FILE
from harness.stack import processes
from harness.stack.access import auth_string_to_start, write_profile
from harness.stack.api import PrefectApi
from harness.stack.bundle import with_code
from harness.stack.deploying import deploying, last_line
from harness.stack.environment import HOST, server_environment, stack_environment, ui_url
from harness.stack.options import StackOptions
from harness.stack.ports import check_port, port_or_free
from harness.stack.processes import ProcessRecord
from harness.stack.runs import end_orphans
from harness.stack.state import (
    SERVER,
    SERVICE,
    WORKER,
    Layout,
    StackState,
    remove_state,
    write_state,
)
from harness.stack.status import StackStatus, api_of, describe
from harness.stack.stopping import stop

_NAMES = {SERVER: "Prefect server", WORKER: "Prefect worker", SERVICE: "service"}
OnProgress = Callable[[str], None]


def start(layout: Layout, options: StackOptions, say: OnProgress) -> StackStatus:
    """Start everything; when that fails or is interrupted, leave nothing running.

    :raises StackError: the port is taken, or something did not start.
    """
    check_port(options.port)
    state = StackState(
        uuid.uuid4().hex,
        options.port,
        options.work_pool,
        auth_string=auth_string_to_start(layout),
    )
    try:
        say(f"starting the Prefect server at {ui_url(state.port)} (15-40 s)")
        write_profile(layout, state)
        state = state.with_process(_server(layout, state))
        write_state(layout, state)
        return complete(layout, state, options, say)
    except BaseException:
        stop(state)
        remove_state(layout)
        raise


def complete(
    layout: Layout, state: StackState, options: StackOptions, say: OnProgress
) -> StackStatus:
    """Deploy to a server that is running or starting, and start the worker and the service.

    :raises StackError: something did not start.
    """
    api = api_of(state)
    timeout_seconds = options.start_timeout_seconds
    # Begun before the server answers: importing Prefect takes those seconds anyway.
    with deploying(
        "process",
        env=stack_environment(layout, state),
        log=layout.log("deploy"),
        wait_seconds=timeout_seconds,
    ) as deployment:
        _wait(layout, state, SERVER, "the Prefect server", api.is_healthy, timeout_seconds)
        if options.serve:
            state = begin_service(layout, state, options)
        say("deploying, and starting the worker")
        # Runs of a stack that was killed; nothing carries them out any more.
        end_orphans(api, state.work_pool)
        _wait(
            layout,
            state,
            SERVER,
            "the work pool",
            lambda: _pool_exists(api, state.work_pool) or deployment.is_done(),
            timeout_seconds,
        )
        name = f"local-{state.id[:8]}-{int(time.time())}"
        worker = _worker(layout, state, name)
        state = state.with_process(worker)
        write_state(layout, state)
        changes = deployment.wait(timeout_seconds)
    _wait(
        layout,
        state,
        WORKER,
        "the worker",
        lambda: name in api.online_workers(state.work_pool),
        timeout_seconds,
    )
    if options.serve:
        wait_for_service(layout, state, timeout_seconds)
    return describe(state, started=True, changes=changes)


def begin_service(layout: Layout, state: StackState, options: StackOptions) -> StackState:
    """Start the page and the API; they are there a few seconds later.

    Other accounts of the machine reach the address, too, and it has the password of the Prefect
    server: so whoever comes has to log in.
    """
    port = port_or_free(options.service_port)
    arguments = ("serve", "--login", "--port", str(port))
    env = with_code(stack_environment(layout, state))
    state = replace(state, service_port=port)
    state = state.with_process(_start(layout, SERVICE, env, "harness", *arguments))
    write_state(layout, state)
    return state


def wait_for_service(layout: Layout, state: StackState, timeout_seconds: float) -> None:
    """Wait until the service answers.

    :raises StackError: it did not start.
    """
    _wait(
        layout,
        state,
        SERVICE,
        "the service",
        lambda: _answers(state.service_port),
        timeout_seconds,
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _server(layout: Layout, state: StackState) -> ProcessRecord:
    """Start Prefect's server behind our guard.

    Its database is private, also one that a former version of Harness has made.
    """
    for database in layout.prefect_home.glob("prefect.db*"):
        database.chmod(PRIVATE_FILE)
    env = with_code(server_environment(layout, state))
    return _start(layout, SERVER, env, "deployments.server", private=True)


def _worker(layout: Layout, state: StackState, name: str) -> ProcessRecord:
    arguments = (
        *("deployments.worker", "--type", "process", "--pool", state.work_pool),
        *("--name", name, "--install-policy", "never"),
    )
    return _start(layout, WORKER, with_code(stack_environment(layout, state)), *arguments)


def _start(
    layout: Layout,
    role: str,
    env: Mapping[str, str],
    module: str,
    *arguments: str,
    private: bool = False,
) -> ProcessRecord:
    """Start ``python -m module``. ``-P`` keeps the working directory, which holds Prefect's own
    files, off the import path."""
    return processes.start(
        role,
        (sys.executable, "-P", "-m", module, *arguments),
        env=env,
        cwd=layout.prefect_home,
        log=layout.log(role),
        private=private,
    )


def _pool_exists(api: PrefectApi, work_pool: str) -> bool:
    try:
        return bool(api.work_pool(work_pool))
    except HarnessError:
        return False


def _wait(
    layout: Layout,
    state: StackState,
    role: str,
    what: str,
    is_ready: Callable[[], bool],
    timeout_seconds: float,
) -> None:
    """Wait until ``is_ready``, as long as the process of ``role`` runs.

    :param what: is awaited, for the message.
    :raises StackError: the process has ended, or the time is up.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        record = state.process(role)
        if record is None or not processes.is_running(record):
            log = layout.log(role)
            raise StackError(f"the {_NAMES[role]} ended at once: {last_line(log)} (see {log})")
        if is_ready():
            return
        if time.monotonic() > deadline:
            raise StackError(
                f"{what} was not ready after {timeout_seconds:.0f} s (logs in {layout.directory});"
                " a slow machine may need a larger HARNESS_START_TIMEOUT_SECONDS"
            )
        time.sleep(0.2)
