"""Register work pool, deployments, limits and automations with a Prefect server.

``python -m deployments.apply [--pool process|kubernetes] [--prune] [--at-once N]`` is what
``harness deploy`` runs. It can be repeated: what exists keeps its id, what differs is updated. It
prints one line of JSON for each thing, ``{"kind", "name", "id", "change"}``; Prefect's own messages
go to stderr.

prefect.yaml is given to Prefect's own ``deploy`` command, called in this process: the file
means exactly what Prefect's documentation says, and only one interpreter has to import it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from deployments.automations import apply_automations
from deployments.changes import line as _line
from deployments.ledger import settle
from deployments.limits import apply_limits
from deployments.work_pool import apply_work_pool
from harness.errors import HarnessError, ServiceUnavailableError, StackError, UsageError
from harness.settings import (
    BackupSettings,
    NotifySettings,
    OllamaSettings,
    PrefectSettings,
    ScheduleSettings,
    load,
)
from harness.stack.bundle import code_dir
from harness.stack.options import StackOptions

# Where flow runs find their code; prefect.yaml's pull step reads this variable.
_CODE_VARIABLE = "HARNESS_CODE_DIR"
# The image's WORKDIR; a path of this machine means nothing inside a Job.
_IMAGE_CODE_DIR = "/opt/harness"
# The claim of the backups' volume in a cluster; the chart names the one that existed before it.
_BACKUPS_VARIABLE = "HARNESS_BACKUPS_CLAIM"
_BACKUPS_CLAIM = "harness-backups"
# The type of a work pool, and the tag of deployments that only make sense there.
_KUBERNETES = "kubernetes"
# And the Secrets of the backup deployments and of those that keep results, likewise.
_SECRET_VARIABLE = "HARNESS_BACKUP_SECRET"  # noqa: S105 - the name of a variable
_SECRET = "harness-backup"  # noqa: S105 - the name of a Secret
_RESULTS_VARIABLE = "HARNESS_RESULTS_SECRET"
_RESULTS_SECRET = "harness-results"  # noqa: S105 - the name of a Secret
# Fields of a deployment that change by themselves.
_VOLATILE = frozenset(
    {"created", "updated", "last_polled", "status", "version_id", "version_info", "updated_by"}
)


def apply_deployments(client: Any, work_pool: str, pool_type: str) -> list[dict[str, str]]:
    """Deploy everything in prefect.yaml and tell what that changed."""
    # The variables' own values take precedence.
    code = _IMAGE_CODE_DIR if pool_type == _KUBERNETES else str(code_dir())
    os.environ.setdefault(_CODE_VARIABLE, code)
    os.environ.setdefault(_BACKUPS_VARIABLE, _BACKUPS_CLAIM)
    os.environ.setdefault(_SECRET_VARIABLE, _SECRET)
    os.environ.setdefault(_RESULTS_VARIABLE, _RESULTS_SECRET)
    document = _prefect_document()
    in_timezone(document, load(ScheduleSettings).timezone)
    in_work_pool(document, work_pool)
    for_pool_type(document, pool_type)
    if load(BackupSettings).url:
        without_backups_volume(document)
    before = _deployments(client, work_pool)
    _prefect_deploy(document)
    lines = []
    for name, deployment in sorted(_deployments(client, work_pool).items()):
        if name not in before:
            change = "created"
        else:
            change = "unchanged" if deployment == before[name] else "updated"
        lines.append(_line("deployment", name, deployment["id"], change))
    return lines


def declared_deployments(client: Any, work_pool: str) -> list[tuple[str, str]]:
    """Kind and name of the server's deployments that are in prefect.yaml."""
    entries = _prefect_document()["deployments"]
    declared = {(entry["name"], entry["entrypoint"]) for entry in entries}
    return [
        ("deployment", name)
        for name, deployment in _deployments(client, work_pool).items()
        if (deployment["name"], deployment["entrypoint"]) in declared
    ]


def _prefect_document() -> dict[str, Any]:
    text = (code_dir() / "prefect.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _deployments(client: Any, work_pool: str) -> dict[str, Mapping[str, Any]]:
    """Deployments of our work pool by ``flow/deployment``, without what changes by itself."""
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        WorkPoolFilter,
        WorkPoolFilterName,
    )

    found = client.read_deployments(
        deployment_filter=DeploymentFilter(),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[work_pool])),
    )
    flow_names = {
        deployment.flow_id: client.read_flow(deployment.flow_id).name for deployment in found
    }
    return {
        f"{flow_names[deployment.flow_id]}/{deployment.name}": comparable(deployment)
        for deployment in found
    }


def comparable(deployment: Any) -> dict[str, Any]:
    """What was declared of a deployment, as JSON, without what changes by itself."""
    document: dict[str, Any] = deployment.model_dump(mode="json", exclude=set(_VOLATILE))
    for schedule in document.get("schedules") or []:
        # Prefect writes schedules anew each time.
        for field in ("id", "created", "updated"):
            schedule.pop(field, None)
    if document.get("global_concurrency_limit"):
        # The rest counts the runs that are under way.
        limit = document["global_concurrency_limit"]["limit"]
        document["global_concurrency_limit"] = limit
    return document


def _prefect_deploy(document: Mapping[str, Any]) -> None:
    """Run ``prefect deploy --all`` here; entrypoints are relative to the code's folder."""
    from prefect.cli import app

    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        file = Path(folder, "prefect.yaml")
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        # Prefect's command line takes its arguments from nowhere else.
        sys.argv = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        with contextlib.chdir(code_dir()), contextlib.redirect_stdout(sys.stderr):
            try:
                app()
            except SystemExit as error:
                if error.code not in (None, 0):
                    raise StackError(
                        "`prefect deploy` refused prefect.yaml; its messages are above"
                    ) from None


def in_timezone(document: Mapping[str, Any], timezone: str) -> None:
    """Give each schedule of prefect.yaml that names no time zone this one."""
    for deployment in document["deployments"]:
        for schedule in deployment.get("schedules") or ():
            schedule.setdefault("timezone", timezone)


def in_work_pool(document: Mapping[str, Any], work_pool: str) -> None:
    """Put each deployment of prefect.yaml that is in the default work pool into this one."""
    for deployment in document["deployments"]:
        pool = deployment["work_pool"]
        if pool["name"] == StackOptions().work_pool:
            deployment["work_pool"] = {**pool, "name": work_pool}


def without_backups_volume(document: Mapping[str, Any]) -> None:
    """Backups are in object storage: Jobs that need no claim start on any node."""
    for deployment in document["deployments"]:
        deployment["work_pool"]["job_variables"].pop("backups_volume", None)


def for_pool_type(document: dict[str, Any], pool_type: str) -> None:
    """Leave out the deployments of prefect.yaml that are for Kubernetes only, elsewhere."""
    if pool_type != _KUBERNETES:
        document["deployments"] = [
            entry for entry in document["deployments"] if _KUBERNETES not in entry.get("tags", ())
        ]


def _wait_for_server(client: Any, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while (error := client.api_healthcheck()) is not None:
        if time.monotonic() > deadline:
            raise ServiceUnavailableError(f"no Prefect server at {client.api_url}: {error}")
        time.sleep(0.2)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``python -m deployments.apply``."""
    parser = argparse.ArgumentParser(prog="python -m deployments.apply", description=__doc__)
    parser.add_argument(
        "--pool", choices=("process", "kubernetes"), default="process", help="the pool's type"
    )
    parser.add_argument(
        "--prune", action="store_true", help="remove what was made here and is no longer declared"
    )
    parser.add_argument(
        "--wait-seconds", type=float, default=0.0, help="wait this long for the server to answer"
    )
    parser.add_argument(
        "--at-once", type=int, help="most flow runs at the same time; without it the pool keeps its"
    )
    options = parser.parse_args(arguments)
    if options.at_once is not None and options.at_once < 1:
        parser.error("--at-once takes a number above 0")
    try:
        _apply(
            options.pool,
            prune=options.prune,
            wait_seconds=options.wait_seconds,
            at_once=options.at_once,
        )
    except HarnessError as error:
        sys.exit(str(error))


def _apply(pool_type: str, *, prune: bool, wait_seconds: float, at_once: int | None) -> None:
    """Register everything and print each thing as it is done."""
    if not os.environ.get("PREFECT_API_URL"):
        raise UsageError(
            "PREFECT_API_URL is not set: start a server with `harness up`, or name yours"
        )
    from prefect.client.orchestration import get_client

    work_pool = load(PrefectSettings).work_pool
    notify_url = load(NotifySettings).notify_url
    with get_client(sync_client=True) as client:
        _wait_for_server(client, wait_seconds)
        _print([apply_work_pool(client, work_pool, pool_type, at_once)])
        _print(apply_deployments(client, work_pool, pool_type))
        shared = apply_limits(client, load(OllamaSettings).host)
        url = notify_url.get_secret_value() if notify_url else None
        shared += apply_automations(client, work_pool, url)
        _print(shared)
        declared = [(line["kind"], line["name"]) for line in shared if line["change"] != "deleted"]
        declared += declared_deployments(client, work_pool)
        _print(settle(client, declared, prune=prune))


def _print(lines: Iterable[Mapping[str, str]]) -> None:
    for line in lines:
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
