"""Several parts of a flow that speak to the server at the same time, on a real one that wants
tokens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from prefect import flow
from prefect.client.base import PrefectHttpxAsyncClient
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.utilities import get_or_create_client
from prefect.context import AsyncClientContext
from prefect.settings import PREFECT_API_URL

from flows.clients import own_client, start_run
from tests.fakes.interrupted import Fault, interrupted

AT_ONCE = 8


def test_no_part_ends_the_token_of_another() -> None:
    statuses: list[int] = []
    tokens: list[str] = []

    async def seen(response: httpx.Response) -> None:
        statuses.append(response.status_code)
        if token := response.request.headers.get("Prefect-Csrf-Token"):
            tokens.append(token)

    async def part(all_have_one: asyncio.Barrier) -> UUID:
        async with own_client() as client:
            taken, _ = get_or_create_client()
            assert taken is client, "what Prefect starts a run with"
            http = _http(client)
            http.event_hooks = {"response": [seen]}
            await client.read_flow_runs(limit=1)
            await all_have_one.wait()
            http.csrf_token_expiration = datetime.now(UTC)  # the hour is over
            await client.read_flow_runs(limit=1)
            return http.csrf_client_id

    async def flow() -> list[UUID]:
        async with AsyncClientContext():  # as in an asynchronous flow, with one client for all
            barrier = asyncio.Barrier(AT_ONCE)
            return await asyncio.gather(*(part(barrier) for _ in range(AT_ONCE)))

    assert len(set(asyncio.run(flow()))) == AT_ONCE
    assert set(statuses) == {200}
    assert len(tokens) == len(set(tokens)) == 2 * AT_ONCE, "the server wants tokens"


@flow
def started() -> None:
    pass


def test_a_start_whose_answer_is_lost_is_one_run() -> None:
    async def runs_of_one_start(port: int) -> list[UUID]:
        with interrupted(port) as proxy:
            proxy.next(r"POST /api/deployments/[^ /]+/create_flow_run ", Fault.CUT_AFTER)
            async with PrefectClient(f"{proxy.url}/api") as client:
                identity = await client.create_deployment(
                    await client.create_flow(started), name="once"
                )
                await start_run("started/once", {}, client, timeout=0)
                assert not proxy.planned
                chosen = DeploymentFilter(id=DeploymentFilterId(any_=[identity]))
                found = await client.read_flow_runs(deployment_filter=chosen)
                return [run.id for run in found]

    port = urlsplit(str(PREFECT_API_URL.value())).port
    assert port is not None
    assert len(asyncio.run(runs_of_one_start(port))) == 1


def _http(client: PrefectClient) -> PrefectHttpxAsyncClient:
    return client._client
