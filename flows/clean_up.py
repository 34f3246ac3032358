"""The flow ``clean-up``: removes old results of the agent, every night."""

import time
from dataclasses import asdict, replace
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from harness.agent.retention import remove_old_results
from harness.configured import open_results
from harness.settings import DataSettings, ResultsSettings, load


@flow(name="clean-up", flow_run_name="clean up", timeout_seconds=1700, **EXPLAINED)
def clean_up(keep_days: int | None = None) -> State[Any]:
    """Remove results in which nothing has changed for some time. Prefect cleans its own database.

    Args:
        keep_days: Results that are older go; 0 keeps all. Default: HARNESS_KEEP_RESULTS_DAYS.
    """
    show_core_logs()
    data = load(DataSettings)
    days = data.keep_results_days if keep_days is None else max(keep_days, 0)
    removed = remove_old_results(data.results, days, now=time.time())
    if load(ResultsSettings).url:
        elsewhere = open_results().remove_old(days, now=time.time())
        removed = replace(
            removed, folders=removed.folders + elsewhere.folders, kept=removed.kept + elsewhere.kept
        )
    message = f"{removed.folders} results removed, {removed.kept} kept"
    if removed.failed:
        return Failed(message=f"{message}, not removable: {', '.join(removed.failed[:10])}")
    return Completed(message=message, data=asdict(removed))
