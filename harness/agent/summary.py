"""How a run ended, in two lines for a person: what happened to the files, and what it took."""

from __future__ import annotations

from harness.agent.claims import claims_a_change
from harness.agent.envelope import Envelope
from harness.agent.kept_tests import files_with_changed_tests
from harness.agent.status import Status
from harness.agent.tools.tool import counted


def summary(result: Envelope) -> tuple[str, str]:
    """Return both lines; the first follows the files and the verification, never the words."""
    return _outcome(result), _effort(result)


def changed_files(patch: str) -> list[str]:
    """Return the files that a patch changes."""
    return [
        line.removeprefix("diff --git a/").split(" b/")[0]
        for line in patch.splitlines()
        if line.startswith("diff --git ")
    ]


def _outcome(result: Envelope) -> str:
    if not result.strategy_reason:  # a question, or a conversation
        if result.status is Status.OK:
            held = sum(citation.verified for citation in result.citations)
            return f"Answered, {counted(held, 'citation')} checked." if held else "Answered."
        return f"Not answered ({result.status})."
    files = changed_files(result.patch)
    size = counted(len(files), "file")
    if not files:
        claimed = ", although the model says that it changed some" if _claims(result) else ""
        return f"Nothing was changed{claimed} ({result.status})."
    if result.verified:
        tests = files_with_changed_tests(result.patch, result.verified_by)
        but = f", with lines of tests changed in {', '.join(tests)}" if tests else ""
        return f"Done: {size} changed, and `{result.verified_by}` passes{but}."
    if result.verified is None:
        end = "" if result.status is Status.OK else f", and the run ended early ({result.status})"
        return f"Changed but not verified, because no command was given: {size}{end}."
    return f"Not done: {size} changed, but `{result.verified_by}` does not pass ({result.status})."


def _claims(result: Envelope) -> bool:
    return bool(result.answer) and claims_a_change(result.answer)


def _effort(result: Envelope) -> str:
    usage = result.usage
    tokens = usage.prompt_tokens + usage.completion_tokens
    parts = [f"model {result.model_seconds:.0f} s"]
    if result.verified_by:
        parts.append(f"verification {result.verify_seconds:.0f} s")
    how = f"{result.strategy}, because {result.strategy_reason}; " if result.strategy_reason else ""
    return (
        f"{how}{counted(result.steps, 'turn')} of {result.model}, {tokens:,} tokens, "
        f"{result.duration_seconds:.0f} s ({', '.join(parts)})."
    )
