"""What a run reports while it is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """``TOKEN`` carries a piece of the model's text; ``RETRY`` takes back the pieces of a turn
    that broke off; ``OUTPUT`` is the result of a tool, ``NOTE`` anything else the model is told."""

    STEP = "step"
    TOKEN = "token"  # noqa: S105 - a kind, not a password
    CALL = "call"
    OUTPUT = "output"
    NOTE = "note"
    RETRY = "retry"
    REPLAY = "replay"
    VERIFY = "verify"
    END = "end"


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One event; ``step`` counts from 1, ``tool`` is set for calls and outputs."""

    kind: EventKind
    text: str
    step: int
    tool: str = ""


OnEvent = Callable[[AgentEvent], None]
