"""The client of one of several parts of a flow that speak to the server at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import AsyncClientContext
from prefect.deployments.flow_runs import arun_deployment

_POLL_SECONDS = 2.0


@asynccontextmanager
async def own_client() -> AsyncIterator[PrefectClient]:
    """A client that is nobody else's; whatever of Prefect is called meanwhile takes it, too.

    Where the server wants a CSRF token (the local one), a client has one for an hour, and a new one
    ends the one before. Prefect's client fetches one when it has none or the hour is over, so that
    requests of one client at the same time end each other's, and once refused it waits for seconds
    between fetching a token and sending it (`prefect/client/base.py`): of 24 at once 17 gave up.
    """
    # Settings, even if they are empty: without any, the flow's own client would be handed out.
    async with AsyncClientContext(httpx_settings={}) as context:
        yield context.client


async def start_run(
    deployment: str, parameters: dict[str, Any], client: PrefectClient, *, timeout: float | None
) -> FlowRun:
    """Start one run of ``flow/deployment``, and wait for its end.

    Prefect's client sends a request again when the answer is lost or the server is busy; without
    a key that is a second run.

    :param timeout: in seconds; 0: do not wait, None: for ever.
    """
    run: FlowRun = await arun_deployment(
        deployment,
        parameters=parameters,
        timeout=timeout,
        poll_interval=_POLL_SECONDS,
        client=client,
        idempotency_key=uuid4().hex,
    )
    return run
