"""What the command line does with a stack: up, down, status, deploy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import ServiceUnavailableError, StackError
from harness.stack import processes
from harness.stack.access import auth_string_for
from harness.stack.api import PrefectApi
from harness.stack.deploying import Change, deploying
from harness.stack.environment import deploy_environment
from harness.stack.login import login_url
from harness.stack.options import StackOptions
from harness.stack.starting import OnProgress, begin_service, complete, start, wait_for_service
from harness.stack.state import SERVER, Layout, StackState, read_state, remove_state
from harness.stack.status import (
    StackStatus,
    api_of,
    describe,
    is_silent,
    running,
    server_answers,
    service_runs,
    wait_for_answer,
)
from harness.stack.stopping import stop, stop_runs

_LOCK_SECONDS = 300.0
# `harness deploy` is for a server that runs; these are for one that restarts at this moment.
_SERVER_SECONDS = 30.0
_DEPLOY_SECONDS = 300.0


def up(
    data_dir: Path,
    options: StackOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> StackStatus:
    """Start the server, worker, service and all deployments, or find those that already run.

    A running stack is returned as it is, whatever ``options`` say. One with missing parts (killed,
    or the machine was restarted) is completed or started anew; a server that does not answer has
    as long as a new one; one without a password, of an older version, is started anew. When
    starting fails or is interrupted, nothing is left running.

    :param data_dir: the database, state, password and logs go below it.
    :param options: None takes the defaults.
    :param on_progress: is given one line a step.
    :raises StackError: the port is taken, or something did not start; names option or log.
    """
    options = options or StackOptions()
    layout = Layout(data_dir.resolve())
    say = on_progress or _ignore
    with _locked(layout):
        state = read_state(layout)
        if state is not None and state.auth_string is None:
            say("the running stack has no password: starting it anew, with one")
            stop(state)
            remove_state(layout)
            state = None
        if state is not None:
            wait_for_answer(state, options.start_timeout_seconds, say)
            status = running(state)
            if status is not None and (service_runs(state) or not options.serve):
                return status
            if status is not None:
                say("starting the service")
                state = begin_service(layout, state, options)
                wait_for_service(layout, state, options.start_timeout_seconds)
                return describe(state)
            if not server_answers(state):
                say("the last stack did not end cleanly: removing what is left of it")
                stop(state)
                remove_state(layout)
                state = None
        if state is None:
            return start(layout, options, say)
        say("the worker has ended: starting another one")
        stop_runs(state)
        return complete(layout, state, options, say)


def down(data_dir: Path, *, on_progress: OnProgress | None = None) -> bool:
    """Stop what :func:`up` started, flow runs included, and nothing else.

    Flow runs end first, while there is a server that can record it.

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
            on_progress("stopping flow runs, worker, service and server")
        stopped = stop(state, on_request=True)
        remove_state(layout)
        return stopped


@contextmanager
def stopped(data_dir: Path) -> Iterator[None]:
    """See to it that nothing of the local stack runs, and that none is started meanwhile.

    :raises StackError: it runs.
    """
    layout = Layout(data_dir.resolve())
    with _locked(layout):
        state = read_state(layout)
        if state is not None and processes.members(state.id, state.processes):
            raise StackError("the local Prefect server runs; stop it first with `harness down`")
        yield


def status(data_dir: Path) -> StackStatus | None:
    """The stack of a data directory when its server answers and its worker runs, else None."""
    state = read_state(Layout(data_dir.resolve()))
    return None if state is None else running(state)


def connect(data_dir: Path) -> PrefectApi:
    """The API of the local server.

    :raises StackError: no stack is running.
    :raises ServiceUnavailableError: it runs, and its server does not answer.
    """
    return api_of(_running(data_dir))


def new_login_url(data_dir: Path, page: str = "") -> str:
    """A link that logs a browser in to the local server's UI, once.

    :param page: where it leads, a path of the UI.
    :raises StackError: no stack is running.
    :raises ServiceUnavailableError: it runs, and its server does not answer.
    """
    state = _running(data_dir)
    return login_url(state.port, state.auth_string or "", page)


def profile_file(data_dir: Path) -> Path:
    """What ``PREFECT_PROFILES_PATH`` must name for Prefect's own command line to use the local
    server."""
    return Layout(data_dir.resolve()).profile_file


def _running(data_dir: Path) -> StackState:
    """The recorded stack, which answers.

    :raises StackError: no stack is running.
    :raises ServiceUnavailableError: it runs, and its server does not answer.
    """
    layout = Layout(data_dir.resolve())
    state = read_state(layout)
    if state is not None and running(state) is not None:
        return state
    if state is not None and is_silent(state):
        raise ServiceUnavailableError(
            f"the Prefect server here runs and does not answer (see {layout.log(SERVER)}); try "
            "again when the machine is less busy, or start it anew with `harness down` and "
            "`harness up`"
        )
    raise StackError("no Prefect server is running here; start one with `harness up`")


def deploy(
    data_dir: Path,
    *,
    url: str,
    pool_type: str = "process",
    work_pool: str | None = None,
    prune: bool = False,
) -> tuple[Change, ...]:
    """Register work pool, deployments, limits and automations; can be repeated.

    :param url: API of any Prefect server, local or in a cluster.
    :param pool_type: ``process`` or ``kubernetes``.
    :param work_pool: its name; None takes the default.
    :param prune: remove what was registered before and is no longer declared.
    :raises StackError: it failed; names the log.
    """
    layout = Layout(data_dir.resolve())
    layout.create()
    with deploying(
        pool_type,
        env=deploy_environment(
            url,
            layout.prefect_home,
            work_pool or StackOptions().work_pool,
            auth_string_for(url, read_state(layout)),
        ),
        log=layout.log("deploy"),
        wait_seconds=_SERVER_SECONDS,
        prune=prune,
    ) as deployment:
        return deployment.wait(_DEPLOY_SECONDS)


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
