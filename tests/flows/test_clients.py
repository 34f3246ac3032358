"""Several parts of a flow that speak to the server at the same time, on a real one that wants
tokens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect.client.base import PrefectHttpxAsyncClient
from prefect.client.orchestration import PrefectClient
from prefect.client.utilities import get_or_create_client
from prefect.context import AsyncClientContext

from flows.clients import own_client

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


def _http(client: PrefectClient) -> PrefectHttpxAsyncClient:
    return client._client
