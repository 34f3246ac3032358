"""The flow ``index-all``: every repository below a folder, each as its own flow run."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_client, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments.flow_runs import arun_deployment
from prefect.states import Completed, Failed
from pydantic import Field

from flows.limits import work_pool_limit
from flows.logs import show_core_logs
from harness.configured import open_store
from harness.errors import HarnessError, UsageError
from harness.repository.checkout import discover
from harness.settings import DataSettings, load
from harness.types import RepositoryRecord

DEPLOYMENT = "index-repository/index-repository"
_POLL_SECONDS = 2.0


@flow(name="index-all", flow_run_name="index all", timeout_seconds=85_800)
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
    names = names_of(folder.resolve(), discover(folder))
    async with get_client() as client:
        rows = await asyncio.gather(
            *(_index(client, path, name, full, slots) for path, name in names.items())
        )
    records = _records()
    for row in rows:
        record = records.get(row["repository"])
        row["files"], row["chunks"] = (record.files, record.chunks) if record else (0, 0)
    await acreate_table_artifact(
        key="index-all", description=f"Repositories below {folder}.", table=list(rows)
    )
    failed = [row["repository"] for row in rows if row["state"] != "Completed"]
    message = f"{len(rows) - len(failed)} of {len(rows)} repositories indexed"
    if failed:
        return Failed(message=f"{message}; failed: {', '.join(failed)}", data=list(rows))
    return Completed(message=message, data=list(rows))


def names_of(root: Path, found: Sequence[Path]) -> dict[Path, str]:
    """Names in the index: the folder's, and the path below the root where several folders have
    the same one; they would otherwise take each other's place in the index.

    :param found: folders below ``root``, or ``root`` itself.
    """
    counts = Counter(path.name for path in found)
    return {
        path: path.name if counts[path.name] == 1 else path.relative_to(root).as_posix()
        for path in found
    }


async def _index(
    client: PrefectClient, path: Path, name: str, full: bool, slots: asyncio.Semaphore
) -> dict[str, Any]:
    """Start one repository's run when there is room, and wait for its end; never raises."""
    row = {"repository": name, "state": "unknown", "message": "", "seconds": 0.0, "run": ""}
    async with slots:
        began = time.monotonic()
        try:
            run: FlowRun = await arun_deployment(
                DEPLOYMENT,
                parameters={"source": str(path), "name": name, "full": full},
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


def _records() -> dict[str, RepositoryRecord]:
    """What is in the index, by name; nothing when it cannot be read: the table says the rest."""
    try:
        store = open_store()
        try:
            return {record.name: record for record in store.repositories()}
        finally:
            store.close()
    except HarnessError as error:
        get_run_logger().warning("the index cannot be read: %s", error)
        return {}
