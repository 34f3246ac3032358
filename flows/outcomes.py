"""How a run ends: well, well but with something to look at, or not, and then why.

A run that failed leaves an artifact of one paragraph for whoever opens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.states import Completed

from flows.progress import artifact_key
from harness.environment import environment_secrets
from harness.errors import HarnessError, TransientError
from harness.markdown import inert_line
from harness.repository.credentials import redact

# Prefect's words before those of an exception.
_ENCOUNTERED = "Flow run encountered an exception: "
_MAX_CHARS = 4000
WITH_WARNINGS = "CompletedWithWarnings"
"""Name of the state of a run that did its work, and found something that a person should see; its
type is COMPLETED. The automations know it."""


def completed(message: str, warnings: Sequence[str], data: Any = None) -> State[Any]:
    """The end of a run that did its work.

    :param warnings: what a person should look at.
    """
    if not warnings:
        return Completed(message=message, data=data)
    return Completed(
        name=WITH_WARNINGS, message=f"{message}; warning: {'; '.join(warnings)}", data=data
    )


def leave_reason(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook of every flow: publish why the run failed.

    The artifact names its run itself: a hook is called after the run's context has ended. A worker
    whose run's process was killed calls it by the names of its parameters.
    """
    text = redact(paragraph(flow.name, flow_run.name, state), environment_secrets(), suspected=True)
    with get_client(sync_client=True) as client:
        client.create_artifact(
            ArtifactCreate(
                type="markdown",
                key=artifact_key("failure", flow.name),
                description=f"Why {flow_run.name} did not end well",
                data=text,
                flow_run_id=flow_run.id,
            )
        )


def paragraph(flow_name: str, run_name: str, state: State[Any]) -> str:
    """The reason in one paragraph: the error of Harness, which names its remedy, or else what the
    state says; then whether it is worth another try."""
    # What a run raised is in its state, or in the record of its result.
    error = getattr(state.data, "result", state.data)
    message = str(error) if isinstance(error, HarnessError) else state.message or ""
    message = " ".join(message.removeprefix(_ENCOUNTERED).split())[:_MAX_CHARS]
    said = message.rstrip(".") or "Prefect gave no reason; the run's log may"
    advice = ""
    if isinstance(error, TransientError):
        advice = " A later try may work."
    elif not isinstance(error, HarnessError) and isinstance(error, Exception):
        advice = " Nobody expected this error: the run's log has the traceback."
    name = inert_line(run_name)
    return f"**{name}** (`{flow_name}`) ended as {state.name}: {inert_line(said)}.{advice}\n"


EXPLAINED: dict[str, Any] = {"on_failure": [leave_reason], "on_crashed": [leave_reason]}
"""What every flow is declared with."""
