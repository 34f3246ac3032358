"""Shows in a terminal what the agent says and does, as a person reads it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from harness.cli import console

if TYPE_CHECKING:
    from harness.agent import AgentEvent

# How a call begins that a model writes as text; an answer seldom has such a line.
_CALL_LINE = re.compile(
    r"[ \t]*(?:[`~]{3,}[ \t]*(?:action|tool|tool_call|json|run|grep|[a-z]+_[a-z]+)[ \t\r]*$"
    r"|<tool_call>|<function=|\[TOOL_CALLS\])",
    re.IGNORECASE,
)

_CLEAR = "\x1b[K"
_WIDTH = 78


class narrate_chat:  # noqa: N801 - used like a function
    """Streams the model's words; what it calls is one line, with what came of it.

    Calls written as text are for the program: they are held back, and shown only when the turn
    turns out to be an answer after all.
    """

    def __init__(self) -> None:
        self._at_line_start = True  # of the screen
        self._waiting = False
        self._next_turn()

    def _next_turn(self) -> None:
        self._line = ""  # of the model's, as far as it has come
        self._shown = 0  # characters of it that are on the screen
        self._held = ""
        self._holding = False
        self._began = False

    def __call__(self, event: AgentEvent) -> None:
        """Take one event."""
        from harness.agent.events import as_line

        kind = event.kind.value
        if kind == "wait":
            self._wait(event.text)
            return
        self._end_wait()
        if kind == "token":
            for piece in event.text.splitlines(keepends=True):
                self._take(piece)
            return
        if kind == "end":
            self._print(self._held if self._holding else self._line[self._shown :])
        if kind in {"step", "call", "note", "retry", "end"}:
            self._next_turn()
        if line := as_line(event):
            self._print(f"{'' if self._at_line_start else chr(10)}  {line}\n")

    def _wait(self, text: str) -> None:
        """Show on a terminal that the model reads, in one line that the next word replaces."""
        if sys.stdout.isatty() and self._at_line_start:
            print(f"\r{_CLEAR}  {console.printable(text)[:_WIDTH]}", end="", flush=True)
            self._waiting = True

    def _end_wait(self) -> None:
        if self._waiting:
            print(f"\r{_CLEAR}", end="", flush=True)
            self._waiting = False

    def _take(self, piece: str) -> None:
        self._line += piece
        if self._holding:
            self._held += piece
        elif not self._shown and self._may_be_call():
            pass
        elif not self._shown and self._is_call():
            self._holding, self._held = True, self._line
        else:
            self._print(self._line[self._shown :])
            self._shown = len(self._line)
        if self._line.endswith("\n"):
            if not self._holding and not self._shown:
                self._print(self._line)
            self._began = self._began or bool(self._line.strip())
            self._line, self._shown = "", 0

    def _may_be_call(self) -> bool:
        """Whether the rest of the line has to tell."""
        text = self._line.strip()
        return not self._line.endswith("\n") and (not text or text[0] in "`~<[") and len(text) < 40

    def _is_call(self) -> bool:
        bare = self._line.lstrip()[:1] in ("{", "[") and not self._began
        return bare or _CALL_LINE.match(self._line.rstrip("\n")) is not None

    def _print(self, text: str) -> None:
        if text:
            print(console.printable(text), end="", flush=True)
            self._at_line_start = text.endswith("\n")
