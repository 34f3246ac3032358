"""Global concurrency limits: what several runs share, by name."""

import re

from prefect import get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
)
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from harness.settings import OllamaSettings, load


def ollama_limit_name() -> str:
    """One limit an Ollama server, named after its host."""
    host = load(OllamaSettings).host or "none"
    return "ollama-" + re.sub(r"[^A-Za-z0-9]+", "-", host).strip("-").lower()


def work_pool_limit() -> int | None:
    """How many runs the work pool of this run may have at once; None: any number, or this run
    came from no work pool. A run that waits for others must know: it holds one of the slots."""
    with get_client(sync_client=True) as client:
        pool = client.read_flow_run(flow_run.id).work_pool_name
        return client.read_work_pool(pool).concurrency_limit if pool else None


async def ensure_limit(name: str, limit: int) -> None:
    """Create the limit or set it to this number; idempotent.

    :param limit: how many may hold it at once, at least 1.
    """
    async with get_client() as client:
        try:
            current = await client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            await client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name=name, limit=limit)
            )
            return
        if current.limit != limit or not current.active:
            await client.update_global_concurrency_limit(
                name, GlobalConcurrencyLimitUpdate(limit=limit, active=True)
            )
