"""A person's consent to what the agent wants to run, given in Prefect's UI while the run waits."""

from __future__ import annotations

from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput

# Less than the flow's own time limit, which goes on meanwhile.
TIMEOUT_SECONDS = 3600
_POLL_SECONDS = 2


class Approval(RunInput):
    """The form in the UI; resuming the run without touching it says no."""

    allow: bool = False


def ask_in_ui(kind: str, text: str) -> bool:
    """Pause the run until somebody resumes it, and tell what was answered.

    :param kind: what is asked for, such as ``command``.
    :param text: shown whole.
    :raises prefect.exceptions.FlowPauseTimeout: nobody did within :data:`TIMEOUT_SECONDS`.
    """
    form = Approval.with_initial_data(description=description(kind, text), allow=False)
    answer: Approval = pause_flow_run(
        wait_for_input=form, timeout=TIMEOUT_SECONDS, poll_interval=_POLL_SECONDS
    )
    return answer.allow


def description(kind: str, text: str) -> str:
    """What the form says, as markdown: the whole text in a code block that nothing in it can end.

    Never cut: what is not shown would be allowed unseen. Whatever markdown or a browser may take
    for the end of a line begins a new line of the block; other control characters are escaped.
    """
    lines = ("".join(map(_visible, line)) for line in text.splitlines())
    shown = "".join(f"    {line}\n" for line in lines)
    return f"The agent wants to run this {kind}:\n\n{shown}"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
