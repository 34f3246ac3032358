"""The flow ``index-all``: every repository below a folder, each as its own flow run."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments.flow_runs import arun_deployment
from prefect.states import Completed, Failed
from pydantic import Field

from flows.logs import show_core_logs
from harness.checkout import discover
from harness.errors import UsageError
from harness.settings import DataSettings, load

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
    slots = asyncio.Semaphore(at_once)
    rows = await asyncio.gather(*(_index(path, full, slots) for path in discover(folder)))
    await acreate_table_artifact(
        key="index-all", description=f"Repositories below {folder}.", table=list(rows)
    )
    failed = [row["repository"] for row in rows if row["state"] != "Completed"]
    message = f"{len(rows) - len(failed)} of {len(rows)} repositories indexed"
    if failed:
        return Failed(message=f"{message}; failed: {', '.join(failed)}", data=list(rows))
    return Completed(message=message, data=list(rows))


async def _index(path: Path, full: bool, slots: asyncio.Semaphore) -> dict[str, Any]:
    """Start one repository's run when there is room, and wait for its end."""
    async with slots:
        began = time.monotonic()
        run: FlowRun = await arun_deployment(
            DEPLOYMENT,
            parameters={"source": str(path.resolve()), "full": full},
            timeout=None,
            poll_interval=_POLL_SECONDS,
        )
    state = run.state
    return {
        "repository": path.name,
        "state": state.name if state else "unknown",
        "message": (state.message or "") if state else "",
        "seconds": round(time.monotonic() - began, 1),
        "run": str(run.id),
    }
