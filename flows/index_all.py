"""The flow ``index-all``: every repository below a folder, each as its own flow run."""

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_client, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments.flow_runs import arun_deployment
from prefect.states import Failed
from pydantic import Field

from flows.limits import work_pool_limit
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED, WITH_WARNINGS, completed
from harness.configured import open_store
from harness.errors import HarnessError, UsageError
from harness.index.naming import left_out, names_for
from harness.index.status import note_vanished
from harness.repository.checkout import discover
from harness.settings import DataSettings, load
from harness.types import RepositoryRecord

DEPLOYMENT = "index-repository/index-repository"
_POLL_SECONDS = 2.0
_INDEXED = frozenset({"Completed", WITH_WARNINGS})


@flow(name="index-all", flow_run_name="index all", timeout_seconds=85_800, **EXPLAINED)
async def index_all(
    root: str | None = None,
    at_once: Annotated[int, Field(ge=1, le=64)] = 2,
    full: bool = False,
) -> State[Any]:
    """Index every repository below a folder; one that fails does not stop the others.

    Args:
        root: Folder, as the worker sees it. Default: HARNESS_REPOS_ROOT.
        at_once: How many repositories are indexed at the same time.
        full: Embed everything again instead of only what changed.
    """
    show_core_logs()
    folder = Path(root) if root else load(DataSettings).repos_root
    if folder is None:
        raise UsageError("no folder to index; set HARNESS_REPOS_ROOT or the parameter root")
    if work_pool_limit() == 1:
        # This run holds the only slot: those that it waits for would never begin.
        raise UsageError("the work pool runs one flow at a time; allow it at least two")
    slots = asyncio.Semaphore(at_once)
    found = discover(folder)
    vanished = _vanished(folder)
    before = _records()
    found = sorted({*found, *left_out(folder, found, before)})
    names = names_for([str(path) for path in found], before)
    async with get_client() as client:
        rows = await asyncio.gather(
            *(_index(client, source, name, full, slots) for source, name in names.items())
        )
    indexed = [row for row in rows if row["state"] in _INDEXED]
    failed = [row for row in rows if row["state"] not in _INDEXED]
    records = {record.name: record for record in _records()}
    for row in rows:
        record = records.get(row["repository"])
        row["files"], row["chunks"] = (record.files, record.chunks) if record else (0, 0)
        row["warnings"] = "; ".join(record.warnings) if record and row in indexed else ""
    rows += [_vanished_row(record) for record in vanished]
    await acreate_table_artifact(
        key="index-all", description=f"Repositories below {folder}.", table=list(rows)
    )
    message = f"{len(indexed)} of {len(rows) - len(vanished)} repositories indexed"
    warnings = [
        f"{row['repository']}: {row['warnings'] or row['message']}"
        for row in rows
        if row["warnings"] or row["state"] == WITH_WARNINGS
    ]
    if failed:
        reasons = "; ".join(f"{row['repository']} ({row['message']})" for row in failed)
        warned = f"; warning: {'; '.join(warnings)}" if warnings else ""
        return Failed(message=f"{message}; failed: {reasons}{warned}", data=list(rows))
    return completed(message, warnings, list(rows))


async def _index(
    client: PrefectClient, source: str, name: str, full: bool, slots: asyncio.Semaphore
) -> dict[str, Any]:
    """Start one repository's run when there is room, and wait for its end; never raises."""
    row = {"repository": name, "state": "unknown", "message": "", "seconds": 0.0, "run": ""}
    async with slots:
        began = time.monotonic()
        try:
            run: FlowRun = await arun_deployment(
                DEPLOYMENT,
                parameters={"source": source, "name": name, "full": full},
                timeout=None,
                poll_interval=_POLL_SECONDS,
                client=client,
            )
        except Exception as error:  # the server refused or went away: the others go on
            row["message"] = f"{type(error).__name__}: {error}"
        else:
            row["run"] = str(run.id)
            if run.state is not None:
                row |= {"state": run.state.name, "message": run.state.message or ""}
        row["seconds"] = round(time.monotonic() - began, 1)
    return row


def _records() -> list[RepositoryRecord]:
    """What is in the index; nothing when it cannot be read: each run says so."""
    try:
        with closing(open_store()) as store:
            return store.repositories()
    except HarnessError as error:
        get_run_logger().warning("the index cannot be read: %s", error)
        return []


def _vanished(folder: Path) -> list[RepositoryRecord]:
    """What was indexed from below the folder and is gone."""
    try:
        with closing(open_store()) as store:
            return note_vanished(folder, store.repositories(), store)
    except HarnessError as error:
        get_run_logger().warning("the index cannot be read: %s", error)
        return []


def _vanished_row(record: RepositoryRecord) -> dict[str, Any]:
    return {
        "repository": record.name,
        "state": "Vanished",
        "message": f"{record.path} is gone",
        "seconds": 0.0,
        "run": "",
        "files": record.files,
        "chunks": record.chunks,
        "warnings": "; ".join(record.warnings),
    }
