"""Calls as text: writes action blocks, and reads what a model wrote instead of calling a tool.

An action is one fenced ``action`` block: the tool's name, and below it the arguments in the form
that the tool declares (:mod:`harness.agent.tools.text_forms`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.agent.leaks import (
    find_leaked_calls,
    looks_like_call,
    read_json_calls,
    without_thoughts,
)
from harness.agent.tools.tool import Tool
from harness.agent.validation import FormatError, validate
from harness.types import ChatTurn, ToolCall

MAX_CALLS_A_TURN = 8
_FENCE_END = re.compile(r"^(`{3,})[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A model's turn as it was understood: calls, or else a final answer. ``content`` is the text
    around the calls."""

    content: str
    calls: tuple[ToolCall, ...] = ()
    answer: str | None = None


def write_action(tool: Tool, arguments: Mapping[str, object]) -> str:
    """Write a call as an action block; :class:`ActionReader` reads it back."""
    text = f"{tool.name}\n{tool.form.write(arguments)}".rstrip("\n")
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}action\n{text}\n{ticks}"


class ActionReader:
    """Reads what a model wrote, given the tools it was offered."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.specs = tuple(tool.spec for tool in tools)
        self._tools = {tool.name: tool for tool in tools}
        words = "|".join(re.escape(word) for word in ("action", *self._tools))
        self._opener = re.compile(rf"^[ \t]*(`{{3,}})[ \t]*({words})[ \t]*$", re.MULTILINE)

    def read(self, turn: ChatTurn) -> Parsed:
        """Understand the text of a turn: an action block, a leaked call, or a final answer.

        :raises FormatError: it cannot be used; the message is for the model.
        """
        content = without_thoughts(turn.content)
        openers = list(self._opener.finditer(content))
        if openers:
            return self._read_block(content, openers, turn)
        if turn.done_reason == "length":
            raise FormatError("Your answer was cut off because it was too long. Be much shorter.")
        rest, leaked = find_leaked_calls(content, list(self._tools))
        if leaked:
            return Parsed(rest, self.validated(leaked[:MAX_CALLS_A_TURN]))
        if looks_like_call(content):
            raise FormatError("The tool call cannot be read. Send it again, nothing else.")
        if not content:
            raise FormatError(
                "Your answer was empty. Use a tool, or write the final answer as text."
            )
        return Parsed(content, answer=content)

    def validated(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Return the calls with their arguments in the types that the tools want.

        :raises FormatError: a tool or an argument is unknown, missing or of the wrong type.
        """
        return tuple(validate(call, self.specs) for call in calls)

    def _read_block(self, content: str, openers: list[re.Match[str]], turn: ChatTurn) -> Parsed:
        first = openers[0]
        ticks, word = first[1], first[2]
        if any(len(other[1]) >= len(ticks) for other in openers[1:]):
            raise FormatError("Exactly one action per turn. Send only the first one.")
        text = content[first.end() :].lstrip("\n")
        if word != "action":  # the fence itself names the tool
            text = f"{word}\n{text}"
        name, _ = self._read_head(text.lstrip().partition("\n")[0])
        form = self._tools[name].form if name in self._tools else None
        ends = [end for end in _FENCE_END.finditer(text) if len(end[1]) >= len(ticks)]
        if not ends and turn.done_reason == "length":
            advice = form.when_cut_off if form is not None else ""
            raise FormatError(f"The action was cut off because it was too long. {advice}".rstrip())
        if ends:
            last = form is not None and form.holds_fences
            text = text[: ends[-1 if last else 0].start()]
        return Parsed(content[: first.start()].strip(), self.validated(self._read_action(text)))

    def _read_action(self, body: str) -> tuple[ToolCall, ...]:
        text = body.strip("\n")
        if text.lstrip().startswith("{"):
            return read_json_calls(text)[:1]
        head, _, rest = text.partition("\n")
        name, inline = self._read_head(head)
        if not name:
            raise FormatError("The action block is empty. Its first line is the name of a tool.")
        tool = self._tools.get(name)
        if tool is None:
            return (ToolCall(name, {}),)  # validation tells the model which tools there are
        arguments = tool.form.read(name, f"{inline}\n{rest}" if inline and rest else inline or rest)
        return (ToolCall(name, arguments),)

    def _read_head(self, line: str) -> tuple[str, str]:
        """Split the first line of an action into the tool's name and what stands behind it."""
        text = line.strip().removeprefix("tool:").removeprefix("name:").strip()
        first, _, inline = text.partition(" ")
        name = first.strip("`*:")
        if name not in self._tools:
            return text.strip("`*:"), ""
        return name, inline.strip()
