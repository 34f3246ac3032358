"""Indexes a large repository by several flow runs: see :mod:`harness.index.sharding`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled

from flows.clients import own_client, start_run
from harness.engines import Engines
from harness.index.batches import BatchResult
from harness.index.leases import HeldLease
from harness.index.options import IndexOptions
from harness.index.planning import IndexPlan
from harness.index.shard_holding import HeldShard, guarded, is_done, shard_held
from harness.index.shard_orders import ShardOrder, orders
from harness.index.sharding import collect, plan_shard

DEPLOYMENT = "index-shard/index-shard"
# A shard that was killed goes on where it stopped. Nobody else starts it again: see
# harness-restart-crashed in deployments/automations.yaml.
_ATTEMPTS = 3
_POLL_SECONDS = 2.0

OnResult = Callable[[BatchResult], None]
IndexBatches = Callable[[IndexPlan, Engines, OnResult], list[BatchResult]]


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a run shares its work. ``source`` and ``credential`` are what its checkout was given;
    ``at_once`` shards run at the same time; ``limit`` is how many runs the work pool takes at once,
    None: any number. ``index_batches`` does a plan in this run."""

    source: str
    credential: str
    options: IndexOptions
    batch_bytes: int
    at_once: int
    limit: int | None
    lease_seconds: float
    index_batches: IndexBatches


def index_in_shards(
    plan: IndexPlan, shards: int, lease: HeldLease, engines: Engines, sharing: Sharing
) -> list[BatchResult]:
    """Index every batch in runs of ``index-shard``; what fails for good is recorded.

    In a work pool with a limit, runs that wait for their shards could hold every slot: there this
    run works on shards itself, those that nobody has begun, and so depends on no other.

    :param lease: of the repository.
    """
    ordered = orders(plan, lease.holder, shards)
    work = _run_all(plan, ordered, engines, sharing)
    if sharing.limit is None:
        return collect(ordered, plan, engines, asyncio.run(work))
    with ThreadPoolExecutor(max_workers=1) as background:
        errors = background.submit(copy_context().run, asyncio.run, work)
        while not errors.done():
            for order in reversed(ordered):  # the others begin with the first ones
                _take(order, Path(plan.root), lease, engines, sharing)
            time.sleep(_POLL_SECONDS)
    return collect(ordered, plan, engines, errors.result())


def _take(
    order: ShardOrder, root: Path, lease: HeldLease, engines: Engines, sharing: Sharing
) -> None:
    """Work on a shard in this run, unless somebody has it or it is done."""
    if is_done(order, engines.store):
        return
    with shard_held(order, engines, lease_seconds=sharing.lease_seconds, wait=False) as held:
        if held is not None:
            work_on(held, root, engines, sharing.options, sharing.batch_bytes,
                    sharing.index_batches, outer=lease.check)  # fmt: skip


def work_on(
    held: HeldShard,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    batch_bytes: int,
    index_batches: IndexBatches,
    *,
    outer: Callable[[], None] | None = None,
) -> list[BatchResult]:
    """Index what is left of a shard.

    :param outer: what the store asks before each change when the shard is done.
    """
    if held.is_done:
        return []
    with guarded(held, engines, outer):
        plan = plan_shard(held.order, root, engines, options, batch_bytes=batch_bytes)
        results = index_batches(plan, engines, held.add)
        held.finish()
    return results


async def _run_all(
    plan: IndexPlan, ordered: Sequence[ShardOrder], engines: Engines, sharing: Sharing
) -> list[str]:
    """Run every shard to its end; why each one that did not come to it ended."""
    at_once = sharing.at_once
    if sharing.limit is not None:
        at_once = max(1, min(at_once, sharing.limit - 1))
    slots = asyncio.Semaphore(at_once)

    async def done(order: ShardOrder) -> bool:
        return await asyncio.to_thread(is_done, order, engines.store)

    async def run(order: ShardOrder) -> str:
        message = ""
        async with slots, own_client() as client:
            for _ in range(_ATTEMPTS):
                if await done(order):
                    break
                parameters = _parameters(plan, order, sharing)
                run = await start_run(DEPLOYMENT, parameters, client, timeout=0)
                while not (run.state and run.state.is_final()):
                    await asyncio.sleep(_POLL_SECONDS)
                    run = await client.read_flow_run(run.id)
                    if sharing.limit is not None and await done(order):
                        return await _called_off(run, client)
                if run.state.is_completed():
                    break
                message = run.state.message or run.state.name or ""
                get_run_logger().warning(
                    "shard %d ended as %s: %s", order.shard, run.state.name, message
                )
                if run.state.is_cancelled():
                    break  # on purpose
        return message

    return await asyncio.gather(*(run(order) for order in ordered))


async def _called_off(run: FlowRun, client: PrefectClient) -> str:
    """A run whose shard was done by another one need not begin any more."""
    if run.state is not None and run.state.is_scheduled():
        state: Any = Cancelled(message="its shard is done")
        await client.set_flow_run_state(run.id, state)
    return ""


def _parameters(plan: IndexPlan, order: ShardOrder, sharing: Sharing) -> dict[str, Any]:
    """What a machine without any of our files needs."""
    document = asdict(order)
    return document | {
        "source": sharing.source,
        "commit": plan.commit,
        "credential": sharing.credential or None,
        "full": sharing.options.full,
        "include": list(sharing.options.include) or None,
        "exclude": list(sharing.options.exclude) or None,
    }
