"""What a run reports while it is under way, and how a person reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harness.agent.tools.tool import first_line

MAX_LINE_CHARS = 200


class EventKind(StrEnum):
    """``TOKEN`` carries a piece of the model's text; ``RETRY`` takes back the pieces of a turn
    that broke off; ``OUTPUT`` is the result of a tool, ``NOTE`` anything else the model is told;
    ``WAIT`` comes each second while the model is silent, from another thread."""

    STEP = "step"
    TOKEN = "token"  # noqa: S105 - a kind, not a password
    WAIT = "wait"
    CALL = "call"
    OUTPUT = "output"
    NOTE = "note"
    RETRY = "retry"
    REPLAY = "replay"
    VERIFY = "verify"
    END = "end"


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One event; ``step`` counts from 1, ``tool`` is set for calls and outputs. ``summary`` says
    in one line what was called (``run pytest -q``), and with an output or a verification also what
    came of it (``run pytest -q: exit 1, 3 failed``)."""

    kind: EventKind
    text: str
    step: int
    tool: str = ""
    summary: str = ""


OnEvent = Callable[[AgentEvent], None]


def as_line(event: AgentEvent) -> str:
    """Return an event as one line for a person, empty when there is nothing to tell.

    A call is told once, with what came of it.
    """
    text = first_line(event.text, MAX_LINE_CHARS)
    match event.kind:
        case EventKind.OUTPUT | EventKind.VERIFY:
            return event.summary or text
        case EventKind.WAIT:
            return event.summary
        case EventKind.NOTE:
            return event.summary or f"told the model: {text}"
        case EventKind.RETRY:
            return f"asked the model again: {text}"
        case EventKind.REPLAY:
            return "took the model's turn from an earlier run"
        case _:
            return ""
