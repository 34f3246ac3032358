"""Indexes a large repository by several flow runs: see :mod:`harness.index.sharding`."""

import asyncio
from pathlib import Path

from prefect import get_client, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment
from prefect.runtime import flow_run

from harness.engines import Engines
from harness.index.batches import BatchResult, record_failed
from harness.index.planning import IndexPlan
from harness.index.sharding import ShardFolder, folder_name, split

DEPLOYMENT = "index-shard/index-shard"
# A shard that was killed goes on where it stopped. Nobody else starts it again: see
# harness-restart-crashed in deployments/automations.yaml.
_ATTEMPTS = 3
_POLL_SECONDS = 2.0


def index_in_shards(
    plan: IndexPlan,
    shards: int,
    engines: Engines,
    *,
    data_dir: Path,
    batch_bytes: int,
    at_once: int,
) -> list[BatchResult]:
    """Index every batch in runs of ``index-shard``; what fails for good is recorded.

    :param at_once: how many shards run at the same time.
    """
    run = f"{flow_run.id}-{flow_run.run_count or 1}"
    folder = ShardFolder.at(data_dir, folder_name(plan, run))
    folder.create(split(plan, shards, batch_bytes))
    try:
        messages = asyncio.run(_run_all(folder, shards, at_once))
        results: list[BatchResult] = []
        for shard, message in enumerate(messages):
            results += folder.results(shard)
            left = folder.unfinished(shard)
            error = RuntimeError(f"shard {shard}: {message}")
            results += [record_failed(left, batch, error, engines) for batch in left.batches]
        return results
    finally:
        folder.remove()


async def _run_all(folder: ShardFolder, shards: int, at_once: int) -> list[str]:
    """Run every shard to its end; why each one that did not complete ended."""
    slots = asyncio.Semaphore(at_once)

    async def run(shard: int) -> str:
        message = ""
        async with slots:
            for _ in range(_ATTEMPTS):
                if not folder.unfinished(shard).batches:
                    break
                ended: FlowRun = await arun_deployment(
                    DEPLOYMENT,
                    parameters={"plan": folder.path.name, "shard": shard},
                    timeout=None,
                    poll_interval=_POLL_SECONDS,
                    client=client,
                )
                state = ended.state
                if state is None or state.is_completed():
                    break
                message = state.message or state.name or ""
                get_run_logger().warning("shard %d ended as %s: %s", shard, state.name, message)
                if state.is_cancelled():
                    break  # on purpose
        return message

    async with get_client() as client:
        return await asyncio.gather(*(run(shard) for shard in range(shards)))
