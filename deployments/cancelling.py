"""Runs of a work pool that are cancelled while nothing carries them out, so that nobody ends them.

A run is cancelled by what runs in its pod. One that waits for its pod has nothing there: for its
first one, or, handed back by a pod that was told to end, for the next.
"""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType

_CANCELLING = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING]))
)
_WAITING = (StateType.SCHEDULED, StateType.PENDING)


async def cancelled_while_waiting(client: Any, pool: str) -> list[FlowRun]:
    """Those that are Cancelling now and were not running before.

    :param client: Prefect's, asynchronous.
    :param pool: the work pool's name.
    """
    named = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    runs = await client.read_flow_runs(flow_run_filter=_CANCELLING, work_pool_filter=named)
    return [run for run in runs if run.start_time is None or await _waited(client, run)]


async def _waited(client: Any, run: FlowRun) -> bool:
    """Whether a run that had begun once was waiting again when it was cancelled."""
    states = sorted(await client.read_flow_run_states(run.id), key=lambda state: state.timestamp)
    before = [state.type for state in states if state.type != StateType.CANCELLING]
    return bool(before) and before[-1] in _WAITING
