"""The flow ``check-stack``: what ``harness doctor`` checks, recorded every ten minutes."""

from dataclasses import asdict
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.logs import show_core_logs
from flows.outcomes import EXPLAINED
from harness.checks import CheckResult
from harness.checks import check_stack as run_all_checks

# Each check has its own time-out and reports instead of raising: a retry would hide a failure.
run_checks = task(name="run-checks", cache_policy=NO_CACHE, persist_result=False)(run_all_checks)

_MARKS = {True: "ok", False: "failed", None: "skipped"}


@flow(name="check-stack", flow_run_name="check stack", timeout_seconds=480, **EXPLAINED)
def check_stack() -> State[Any]:
    """Check everything that Harness needs; fails with the names of what failed."""
    show_core_logs()
    results: list[CheckResult] = run_checks()
    create_table_artifact(
        key="check-stack",
        description=(
            "What failed comes first, with what to do about it. `harness doctor` shows the same on "
            "a terminal."
        ),
        # Prefect's page cuts a table at its right edge: what matters stands on the left.
        table=[
            {
                "check": result.name,
                "remedy": result.remedy,
                "result": _MARKS[result.ok],
                "detail": result.detail,
                "seconds": result.seconds,
            }
            for result in sorted(results, key=lambda result: result.ok is not False)
        ],
    )
    failed = [result for result in results if result.ok is False]
    if failed:
        said = "; ".join(
            f"{one.name} ({one.detail}: {one.remedy or 'see there'})" for one in failed
        )
        return Failed(message=f"{len(failed)} of {len(results)} failed: {said}")
    skipped = sum(result.ok is None for result in results)
    message = f"{len(results) - skipped} checks passed, {skipped} not configured"
    return Completed(message=message, data=[asdict(result) for result in results])
