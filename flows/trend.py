"""How the last runs of a flow went: a picture for its page."""

from __future__ import annotations

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.charts import bars
from flows.outcomes import WITH_WARNINGS

LAST_RUNS = 10


async def last_runs(client: PrefectClient, flow_name: str) -> list[FlowRun]:
    """The runs of a flow that have ended, oldest first, at most :data:`LAST_RUNS`."""
    newest_first = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES)))
        ),
        sort=FlowRunSort.START_TIME_DESC,
        limit=LAST_RUNS,
    )
    return newest_first[::-1]


def picture(runs: list[FlowRun]) -> str:
    """Seconds of each run as a bar, with the day, the time (UTC) and what was wrong; of those that
    began in the same minute, the last. Empty without a run that has started."""
    values = {
        _label(run): max(run.total_run_time.total_seconds(), 0.1)
        for run in runs
        if run.start_time is not None
    }
    return bars("The runs before this one", values, "s")


def _label(run: FlowRun) -> str:
    if run.state_name == WITH_WARNINGS:
        note = "warnings"
    else:
        note = "" if run.state_type is StateType.COMPLETED else str(run.state_name).lower()
    return f"{run.start_time:%d %b %H:%M} {note}".strip()
