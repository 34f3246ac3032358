"""The flow ``agent-batch``: many tasks at once, each a flow run of its own.

How many run at once is bounded by a global concurrency limit named after the Ollama host, so that
several batches share what one server can do.
"""

import asyncio
import time
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.concurrency.asyncio import concurrency
from prefect.states import Completed, Failed
from pydantic import BaseModel, Field

from flows.clients import own_client, start_run
from flows.limits import ensure_limit, ollama_limit_name
from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from flows.sources import Repository
from harness.agent.options import StrategyChoice

DEPLOYMENT = "agent-task/agent-task"


class BatchTask(BaseModel):
    """One task of a batch; the fields of `agent-task`."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    repository: Repository
    verify: str | None = None
    ref: str | None = None
    model: str | None = None
    strategy: StrategyChoice | None = None


@flow(name="agent-batch", flow_run_name="batch of tasks", timeout_seconds=85_800, **EXPLAINED)
async def agent_batch(
    tasks: Annotated[list[BatchTask], Field(min_length=1, max_length=500)], at_once: int = 2
) -> State[Any]:
    """Carry out many coding tasks, each as its own flow run.

    Args:
        tasks: What to do, and in which repositories.
        at_once: How many runs may be under way on the Ollama server; kept for later batches.
    """
    show_core_logs()
    limit = ollama_limit_name()
    await ensure_limit(limit, at_once)
    rows = await asyncio.gather(*(_run(limit, item) for item in tasks))
    failed = [row for row in rows if row["state"] != "Completed"]
    shown = [
        {**row, "run": f"[{row['state']}](/runs/flow-run/{row['run']})"}
        for row in sorted(rows, key=lambda row: row["state"] == "Completed")
    ]
    await acreate_table_artifact(
        key="agent-batch", description="One row a task, failures first.", table=shown
    )
    message = f"{len(rows) - len(failed)} of {len(rows)} tasks done"
    if failed:
        return Failed(message=message, data=list(rows))
    return Completed(message=message, data=list(rows))


async def _run(limit: str, item: BatchTask) -> dict[str, Any]:
    """Start one task's run when there is room, and wait for its end."""
    async with concurrency(limit, occupy=1), own_client() as client:
        began = time.monotonic()
        run = await start_run(DEPLOYMENT, item.model_dump(), client, timeout=None)
    state = run.state
    return {
        "repository": item.repository,
        "run": str(run.id),
        "state": state.name if state else "unknown",
        "seconds": round(time.monotonic() - began, 1),
        "message": (state.message or "") if state else "",
        "task": item.text[:200],
    }
