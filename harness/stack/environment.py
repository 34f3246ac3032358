"""What the processes of a stack see: the caller's environment, with Prefect's part replaced."""

from __future__ import annotations

import os
from pathlib import Path

from harness.proxies import no_proxy_variables
from harness.stack.processes import STACK_ID_VARIABLE
from harness.stack.state import Layout, StackState

HOST = "127.0.0.1"
# Also the name of the setting; deployments/apply.py reads the pool from it.
WORK_POOL_VARIABLE = "HARNESS_WORK_POOL"
# These are left as the user set them. Every other PREFECT_* variable is dropped: a profile, key or
# address of another Prefect installation would send our runs there.
_KEPT = ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL", "PREFECT_CLI_COLORS")


def ui_url(port: int) -> str:
    """Address of the UI."""
    return f"http://{HOST}:{port}"


def api_url(port: int) -> str:
    """Address of the API."""
    return f"http://{HOST}:{port}/api"


def client_environment(port: int, prefect_home: Path) -> dict[str, str]:
    """The environment of anything that talks to the local server."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PREFECT_") or name in _KEPT
    }
    return inherited | {
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_API_URL": api_url(port),
        "DO_NOT_TRACK": "1",
        # Prefect's clients follow HTTP_PROXY and its relatives even to this machine.
        **no_proxy_variables(),
        "PYTHONUNBUFFERED": "1",
    }


def deploy_environment(url: str, prefect_home: Path, work_pool: str) -> dict[str, str]:
    """The environment of deploying to any server.

    The caller's other PREFECT_* settings (password, certificates, headers) apply only to the
    server that the caller's own PREFECT_API_URL names.
    """
    own = {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}
    if own.get("PREFECT_API_URL") != url:
        own = {}
    return {
        **client_environment(0, prefect_home),
        **own,
        **no_proxy_variables(url),
        "PREFECT_API_URL": url,
        WORK_POOL_VARIABLE: work_pool,
    }


def stack_environment(layout: Layout, state: StackState) -> dict[str, str]:
    """The environment of the server, the worker and, through the worker, of flow runs."""
    port = state.port
    origins = ",".join((ui_url(port), f"http://localhost:{port}"))
    return client_environment(port, layout.prefect_home) | {
        STACK_ID_VARIABLE: state.id,
        WORK_POOL_VARIABLE: state.work_pool,
        "HARNESS_DATA_DIR": str(layout.data_dir),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        # The browser calls this address; Prefect's default is the client's PREFECT_API_URL, if any.
        "PREFECT_SERVER_UI_API_URL": api_url(port),
        # Prefect allows every origin by default: any web page could start runs on this machine.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origins,
        # Otherwise flow runs, their logs and artifacts are kept forever.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        # Makes the core's logs (`logging.getLogger("harness…")`) appear in the run.
        "PREFECT_LOGGING_EXTRA_LOGGERS": "harness",
        # The default is 10 s; on this machine somebody is waiting for the run.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_WORKER_PREFETCH_SECONDS": "5",
    }
