"""Register work pool, deployments, limits and automations with a Prefect server.

``python -m deployments.apply [--pool process|kubernetes] [--prune]``, which is also what
``harness deploy`` runs, can be repeated: what exists keeps its id, what differs is updated. One
line of JSON on stdout for each thing, ``{"kind", "name", "id", "change"}``; Prefect's own messages
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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from deployments.automations import apply_automations
from deployments.changes import line as _line
from deployments.job_template import (
    DEFAULTS_VARIABLE,
    read_defaults,
    with_defaults,
    with_defaults_of,
)
from deployments.ledger import settle
from deployments.limits import apply_limits
from harness.settings import NotifySettings, OllamaSettings, ScheduleSettings, load

WORK_POOL = "harness"
# Where flow code is at run time; prefect.yaml's pull step reads this variable.
_CODE_VARIABLE = "HARNESS_CODE_DIR"
# The claim of the backups' volume in a cluster; the chart names another if that existed before.
_BACKUPS_VARIABLE = "HARNESS_BACKUPS_CLAIM"
_BACKUPS_CLAIM = "harness-backups"
# The image's WORKDIR; a path of this machine means nothing inside a Job.
_IMAGE_CODE_DIR = "/opt/harness"
# Fields of a deployment that change by themselves.
_VOLATILE = frozenset(
    {"created", "updated", "last_polled", "status", "version_id", "version_info", "updated_by"}
)


def code_dir() -> Path:
    """The folder that holds the ``flows`` package: the checkout, or site-packages."""
    import flows

    return Path(flows.__path__[0]).resolve().parent


def prefect_file() -> Path:
    """prefect.yaml of the checkout, or the copy inside the installed package."""
    checkout = code_dir() / "prefect.yaml"
    return checkout if checkout.is_file() else Path(__file__).with_name("prefect.yaml")


def apply_work_pool(client: Any, pool_type: str) -> dict[str, str]:
    """Create the work pool or bring its base job template up to date; its id stays."""
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    try:
        pool = client.read_work_pool(WORK_POOL)
    except ObjectNotFound:
        pool = None
    existing = pool.base_job_template if pool is not None and pool.type == pool_type else None
    template = _base_job_template(pool_type, existing)
    if pool is None:
        pool = client.create_work_pool(
            WorkPoolCreate(
                name=WORK_POOL,
                type=pool_type,
                base_job_template=template,
                description="Runs every Harness deployment.",
            )
        )
        return _line("work-pool", pool.name, pool.id, "created")
    if pool.type != pool_type:
        _fail(
            f"the work pool {WORK_POOL!r} exists with type {pool.type!r}; delete it with "
            f"`prefect work-pool delete {WORK_POOL}` or use --pool {pool.type}"
        )
    if pool.base_job_template == template:
        return _line("work-pool", pool.name, pool.id, "unchanged")
    client.update_work_pool(WORK_POOL, WorkPoolUpdate(base_job_template=template))
    return _line("work-pool", pool.name, pool.id, "updated")


def _base_job_template(pool_type: str, existing: dict[str, Any] | None) -> dict[str, Any]:
    """The pool's template; without defaults in the environment, an existing pool's are kept: the
    chart has set them, and this may be somebody's `harness deploy`."""
    if pool_type == "kubernetes":
        text = os.environ.get(DEFAULTS_VARIABLE, "")
        try:
            if existing and not text.strip():
                return with_defaults_of(existing)
            return with_defaults(read_defaults(text))
        except (OSError, ValueError) as error:
            _fail(str(error))
    from prefect.workers.process import ProcessWorker

    return ProcessWorker.get_default_base_job_template()


def apply_deployments(client: Any, pool_type: str) -> list[dict[str, str]]:
    """Deploy everything in prefect.yaml and tell what that changed."""
    # An own value goes first: `harness up` and the image set none.
    default = _IMAGE_CODE_DIR if pool_type == "kubernetes" else str(code_dir())
    os.environ.setdefault(_CODE_VARIABLE, default)
    os.environ.setdefault(_BACKUPS_VARIABLE, _BACKUPS_CLAIM)
    before = _deployments(client)
    _prefect_deploy()
    lines = []
    for name, deployment in sorted(_deployments(client).items()):
        if name not in before:
            change = "created"
        else:
            change = "unchanged" if deployment == before[name] else "updated"
        lines.append(_line("deployment", name, deployment["id"], change))
    return lines


def declared_deployments(client: Any) -> list[tuple[str, str]]:
    """Kind and name of the server's deployments that are in prefect.yaml."""
    entries = yaml.safe_load(prefect_file().read_text(encoding="utf-8"))["deployments"]
    declared = {(entry["name"], entry["entrypoint"]) for entry in entries}
    return [
        ("deployment", name)
        for name, deployment in _deployments(client).items()
        if (deployment["name"], deployment["entrypoint"]) in declared
    ]


def _deployments(client: Any) -> dict[str, Mapping[str, Any]]:
    """Deployments of our work pool by ``flow/deployment``, without what changes by itself."""
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        WorkPoolFilter,
        WorkPoolFilterName,
    )

    found = client.read_deployments(
        deployment_filter=DeploymentFilter(),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[WORK_POOL])),
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


def _prefect_deploy() -> None:
    """Run ``prefect deploy --all`` here; entrypoints are relative to the code's folder."""
    from prefect.cli import app

    document = yaml.safe_load(prefect_file().read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        file = Path(folder, "prefect.yaml")
        in_timezone(document, load(ScheduleSettings).timezone)
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        # The command line is this function's only input.
        sys.argv = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        with contextlib.chdir(code_dir()), contextlib.redirect_stdout(sys.stderr):
            try:
                app()
            except SystemExit as error:
                if error.code not in (None, 0):
                    _fail("`prefect deploy` refused prefect.yaml; its messages are above")


def in_timezone(document: Mapping[str, Any], timezone: str) -> None:
    """Give each schedule of prefect.yaml that names no time zone this one."""
    for deployment in document["deployments"]:
        for schedule in deployment.get("schedules") or ():
            schedule.setdefault("timezone", timezone)


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1)


def _wait_for_server(client: Any, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while (error := client.api_healthcheck()) is not None:
        if time.monotonic() > deadline:
            _fail(f"no Prefect server at {client.api_url}: {error}")
        time.sleep(0.2)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``python -m deployments.apply``."""
    parser = argparse.ArgumentParser(prog="python -m deployments.apply", description=__doc__)
    parser.add_argument("--pool", choices=("process", "kubernetes"), default="process")
    parser.add_argument(
        "--prune", action="store_true", help="remove what was made here and is declared no longer"
    )
    parser.add_argument(
        "--wait-seconds", type=float, default=0.0, help="wait this long for the server to answer"
    )
    options = parser.parse_args(arguments)
    if not os.environ.get("PREFECT_API_URL"):
        _fail("PREFECT_API_URL is not set: start a server with `harness up`, or name yours")

    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        _wait_for_server(client, options.wait_seconds)
        print(json.dumps(apply_work_pool(client, options.pool)), flush=True)
        for line in apply_deployments(client, options.pool):
            print(json.dumps(line), flush=True)
        lines = apply_limits(client, load(OllamaSettings).host)
        notify_url = load(NotifySettings).notify_url
        lines += apply_automations(client, notify_url.get_secret_value() if notify_url else None)
        declared = [(line["kind"], line["name"]) for line in lines]
        lines += settle(client, declared + declared_deployments(client), prune=options.prune)
        for line in lines:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
