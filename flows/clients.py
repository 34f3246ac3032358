"""The client with which a flow starts several runs at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect import get_client
from prefect.client.orchestration import PrefectClient


@asynccontextmanager
async def shared_client() -> AsyncIterator[PrefectClient]:
    """A client that already has its token, where the server wants one (CSRF, the local server).

    It would ask for it at its first POST, and each of several at once would: a new token ends the
    one before, and Prefect's client, once refused, waits for seconds between taking a token and
    sending it (`prefect/client/base.py`), so that several end each other's until one gives up.
    """
    async with get_client() as client:
        await client.read_flow_runs(limit=1)  # a POST, alone
        yield client
