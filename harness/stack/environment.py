"""What the processes of a stack see: the caller's environment, with Prefect's part replaced."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import StackError
from harness.proxies import no_proxy_variables
from harness.stack.processes import STACK_ID_VARIABLE
from harness.stack.state import Layout, StackState

HOST = "127.0.0.1"
# Also the name of the setting; deployments/apply.py reads the pool from it.
WORK_POOL_VARIABLE = "HARNESS_WORK_POOL"
# 25 hours: no flow's time limit is as long (decision 0012).
CSRF_TOKEN_SECONDS = 90_000
# These are left as the user set them. Every other PREFECT_* variable is dropped: a profile, key or
# address of another Prefect installation would send our runs there.
_KEPT = ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL", "PREFECT_CLI_COLORS")


def ui_url(port: int) -> str:
    """Address of the UI."""
    return f"http://{HOST}:{port}"


def api_url(port: int, host: str = HOST) -> str:
    """Address of the API."""
    return f"http://{host}:{port}/api"


def client_environment(
    port: int, prefect_home: Path, auth_string: str | None = None
) -> dict[str, str]:
    """The environment of anything that talks to the local server.

    :param auth_string: the server's ``user:password``.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PREFECT_") or name in _KEPT
    }
    password = {"PREFECT_API_AUTH_STRING": auth_string} if auth_string else {}
    return inherited | {
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_API_URL": api_url(port),
        **password,
        "DO_NOT_TRACK": "1",
        # Prefect's clients follow HTTP_PROXY and its relatives even to this machine.
        **no_proxy_variables(),
        "PYTHONUNBUFFERED": "1",
    }


def deploy_environment(
    url: str, prefect_home: Path, work_pool: str, auth_string: str | None = None
) -> dict[str, str]:
    """The environment of deploying to any server.

    The caller's other PREFECT_* settings (password, certificates, headers) apply only to the
    server that the caller's own PREFECT_API_URL names.

    :param auth_string: ``user:password`` of the server, unless the caller's settings name one.
    """
    own = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
    if own.get("PREFECT_API_URL") != url:
        own = {}
    return {
        **client_environment(0, prefect_home, auth_string),
        **own,
        **no_proxy_variables(url),
        "PREFECT_API_URL": url,
        WORK_POOL_VARIABLE: work_pool,
    }


def stack_environment(layout: Layout, state: StackState) -> dict[str, str]:
    """The environment of deploying, the worker and, through the worker, of flow runs."""
    return client_environment(state.port, layout.prefect_home, state.auth_string) | {
        STACK_ID_VARIABLE: state.id,
        WORK_POOL_VARIABLE: state.work_pool,
        "HARNESS_DATA_DIR": str(layout.data_dir),
        # Makes the core's logs (`logging.getLogger("harness…")`) appear in the run.
        "PREFECT_LOGGING_EXTRA_LOGGERS": "harness",
        # The default is 10 s; on this machine somebody is waiting for the run.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_WORKER_PREFETCH_SECONDS": "5",
    }


def server_environment(layout: Layout, state: StackState) -> dict[str, str]:
    """The environment of the server.

    :raises StackError: it would have no password.
    """
    if not state.auth_string:
        raise StackError("the local Prefect server has no password; start it with `harness up`")
    port = state.port
    origins = ",".join((ui_url(port), f"http://localhost:{port}"))
    return stack_environment(layout, state) | {
        "PREFECT_SERVER_API_AUTH_STRING": state.auth_string,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CSRF_TOKEN_EXPIRATION": f"PT{CSRF_TOKEN_SECONDS}S",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        # The browser calls this address; Prefect's default is the client's PREFECT_API_URL, if any.
        "PREFECT_SERVER_UI_API_URL": api_url(port),
        # Prefect allows every origin by default: any web page could start runs on this machine.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origins,
        # Otherwise flow runs, their logs and artifacts are kept forever.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    }
