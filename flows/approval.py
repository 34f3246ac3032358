"""A person's consent to what the agent wants to run, given in Prefect's UI while the run waits."""

from __future__ import annotations

from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput

# Less than the flow's own time limit, which goes on meanwhile.
TIMEOUT_SECONDS = 3600
_POLL_SECONDS = 2
_MAX_SHOWN_CHARS = 4000


class Approval(RunInput):
    """The form in the UI; resuming the run without touching it says no."""

    allow: bool = False


def ask_in_ui(kind: str, text: str) -> bool:
    """Pause the run until somebody resumes it, and tell what was answered.

    :param kind: what is asked for, such as ``command``.
    :param text: shown as it is.
    :raises prefect.exceptions.FlowPauseTimeout: nobody did within :data:`TIMEOUT_SECONDS`.
    """
    shown = "".join(f"    {line}\n" for line in text[:_MAX_SHOWN_CHARS].split("\n"))
    form = Approval.with_initial_data(
        description=f"The agent wants to run this {kind}:\n\n{shown}", allow=False
    )
    answer: Approval = pause_flow_run(
        wait_for_input=form, timeout=TIMEOUT_SECONDS, poll_interval=_POLL_SECONDS
    )
    return answer.allow
