"""Checks of Prefect: the server that the environment names, or the local one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from harness.checks.running import Check, Outcome
from harness.stack.api import PrefectApi
from harness.stack.servers import chosen_server

_LATE_AFTER = timedelta(minutes=15)
_UP = "start it with `harness up`"


def checks(
    data_dir: Path, api_url: str | None, auth_string: str | None, work_pool: str
) -> list[Check]:
    """The API, the work pool with a live worker, and no run that is late or stuck.

    :param data_dir: where the state of the local stack is kept.
    :param api_url: None looks at the local stack.
    :param auth_string: ``user:password`` of the server, None when it has none.
    :param work_pool: at ``api_url``; the local stack remembers its own.
    """
    server = chosen_server(data_dir, api_url, auth_string, work_pool)
    if server is None:
        return [Check("prefect", lambda: (None, "no server is running (`harness up`)", ""))]
    work_pool = server.work_pool
    api = server.api(timeout_seconds=10.0)
    return [
        Check("prefect", partial(_server, api), _UP),
        Check("work pool", partial(_pool, api, work_pool), _UP),
        Check("flow runs", partial(_runs, api), "look at them in the UI, and at the worker's log"),
    ]


def _server(api: PrefectApi) -> Outcome:
    version = api.request("GET", "/admin/version")
    return True, f"version {version} at {api.url}", ""


def _pool(api: PrefectApi, name: str) -> Outcome:
    pool = api.work_pool(name)
    if pool.get("is_paused"):
        return False, f"work pool {name} is paused", f"prefect work-pool resume {name}"
    workers = api.online_workers(name)
    if not workers:
        return False, f"no worker has polled work pool {name} within the last minute", ""
    return True, f"{name} ({pool.get('type')}): {len(workers)} worker(s) online", ""


def _runs(api: PrefectApi) -> Outcome:
    before = (datetime.now(UTC) - _LATE_AFTER).isoformat()
    late = api.request(
        "POST",
        "/flow_runs/count",
        {
            "flow_runs": {
                "state": {"name": {"any_": ["Late", "Pending"]}},
                "expected_start_time": {"before_": before},
            }
        },
    )
    if isinstance(late, int) and late:
        minutes = int(_LATE_AFTER.total_seconds() // 60)
        return False, f"{late} runs have waited for more than {minutes} minutes", ""
    return True, "none is late", ""
