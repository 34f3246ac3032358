"""Calls as text: writes action blocks, and reads what a model wrote instead of calling a tool.

An action is one fenced ``action`` block: the tool's name, and below it the arguments in the form
that the tool declares (:mod:`harness.agent.tools.text_forms`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.agent.fences import Fence, find_end
from harness.agent.leaks import find_leaked_calls, looks_like_call, read_json_calls
from harness.agent.template_marks import spoken
from harness.agent.tools.tool import Tool
from harness.agent.validation import FormatError, validate
from harness.agent.written_calls import names_a_tool
from harness.models.conversation import ChatTurn, ToolCall

MAX_CALLS_A_TURN = 8
ONLY_THE_FIRST = "Only the first action of your turn was carried out. Send one at a time."
# Elements that say nothing, such as `<tools></tools>`.
_HOLLOW = re.compile(r"</?[a-z_]+/?>|`{3,}\w*")
# The name of the tool, or its first argument.
_HEAD_LINE = re.compile(r"^[ \t]*(?:[a-z_]+|(?:path|pattern|query|command|content):.*)[ \t]*\r?$")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A model's turn as it was understood: calls, or else a final answer. ``content`` is the text
    around the calls. ``leaked``: they were written as text where others were wanted; ``note`` is
    told to the model along with the output of the last call."""

    content: str
    calls: tuple[ToolCall, ...] = ()
    answer: str | None = None
    leaked: bool = False
    note: str = ""


def write_action(tool: Tool, arguments: Mapping[str, object]) -> str:
    """Write a call as an action block; :class:`ActionReader` reads it back.

    The few texts that the tool's own form cannot hold (a file without a last line end) are
    written as JSON.
    """
    text = tool.form.write(arguments)
    wanted = {key: str(value) for key, value in arguments.items()}
    try:
        readable = tool.form.read(tool.name, text) == wanted
    except FormatError:
        readable = False
    head = f"{tool.name}\n{text}" if text else tool.name
    if not readable or "\r" in text:  # which a reader may take for the line ends of the answer
        head = json.dumps({"name": tool.name, "arguments": dict(arguments)})
    ticks = "```"
    while ticks in head:
        ticks += "`"
    return f"{ticks}action\n{head}\n{ticks}"


class ActionReader:
    """Reads what a model wrote, given the tools it was offered."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.specs = tuple(tool.spec for tool in tools)
        self._tools = {tool.name: tool for tool in tools}
        words = "|".join(re.escape(word) for word in ("action", *self._tools))
        self._opener = re.compile(
            rf"^([ \t]*)(`{{3,}}|~{{3,}})[ \t]*({words})[ \t]*(\r?)$",
            re.MULTILINE | re.IGNORECASE,
        )

    def read(self, turn: ChatTurn) -> Parsed:
        """Understand the text of a turn: an action block, a leaked call, or a final answer.

        :raises FormatError: it cannot be used; the message is for the model.
        """
        content = spoken(turn.content)
        openers = list(self._opener.finditer(content))
        if openers:
            return self._read_block(content, openers, turn)
        if turn.done_reason == "length":
            named = names_a_tool(content)
            what = f"Your call of {named}" if named else "Your answer"
            raise FormatError(f"{what} was cut off because it was too long. Be much shorter.")
        rest, leaked = find_leaked_calls(content, self.specs)
        if len(leaked) > MAX_CALLS_A_TURN:
            raise FormatError(f"At most {MAX_CALLS_A_TURN} tool calls at once.")
        if leaked:
            return Parsed(rest, self.validated(leaked), leaked=True)
        if looks_like_call(content):
            raise FormatError("The tool call cannot be read. Send it again, nothing else.")
        if not _HOLLOW.sub("", content).strip():
            raise FormatError(
                "Your answer was empty. Use a tool, or write the final answer as text."
            )
        return Parsed(content, answer=content)

    def validated(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Return the calls with their arguments in the types that the tools want.

        :raises FormatError: a tool or an argument is unknown, missing or of the wrong type.
        """
        return tuple(validate(call, self.specs) for call in calls)

    def _first_alone(self, content: str, opener: re.Match[str]) -> str | None:
        """Return a text up to the end of its first action, None where the end is not certain.

        A whole file may hold such blocks as text, so it is taken for one only alone.
        """
        lines = content[opener.end() :].removeprefix("\n").split("\n")
        named = [] if opener[3].lower() == "action" else [opener[3].lower()]
        fence = re.compile(rf"{opener[1]}{re.escape(opener[2])}[ \t\r]*$")
        for number, line in enumerate(lines):
            if fence.match(line):
                inside = [*named, *lines[:number]]
                if _Action(inside, self._tools).is_whole_before(len(inside)) is not True:
                    return None
                return content[: opener.end()] + "\n" + "\n".join(lines[: number + 1])
        return None

    def _read_block(self, content: str, openers: list[re.Match[str]], turn: ChatTurn) -> Parsed:
        first = openers[0]
        indent, ticks, word = first[1], first[2], first[3].lower()
        # A shorter fence inside a longer one is text of the action.
        others = [
            other for other in openers[1:] if other[2][0] != ticks[0] or len(other[2]) >= len(ticks)
        ]
        if others:
            cut = self._first_alone(content[: others[0].start()], first)
            if cut is None:
                raise FormatError(
                    "Exactly one action per turn. Send only the first one. If the text of an "
                    "action holds such a block, put a longer fence around the action."
                )
            parsed = self._read_block(cut, [first], ChatTurn(cut))
            return replace(parsed, note=ONLY_THE_FIRST)
        text = content[first.end() :].removeprefix("\n")
        lines = text.split("\n")
        if first[4] or _has_crlf(lines):
            lines = text.replace("\r\n", "\n").split("\n")
        if word != "action":  # the fence itself names the tool
            lines.insert(0, word)
        while lines and not lines[0].strip():
            del lines[0]
        action = _Action(lines, self._tools)
        end = find_end(lines, Fence(0, indent, ticks[0], len(ticks), word), action.is_whole_before)
        cut_off = turn.done_reason == "length"
        if end is None or (cut_off and not action.is_whole_before(end)):
            if cut_off:
                advice = action.tool.form.when_cut_off if action.tool is not None else ""
                raise FormatError(
                    f"The action was cut off because it was too long. {advice}".rstrip()
                )
            if not action.is_whole_at_end():
                raise FormatError(
                    f"The action is not closed, or code fences in it do not pair up. Put {ticks}`"
                    f"action before it and {ticks}` after it, and nothing behind."
                )
        found = action.read(_without_indent(lines[:end], indent))
        return Parsed(content[: first.start()].strip(), self.validated(found))


def _has_crlf(lines: Sequence[str]) -> bool:
    """Tell by the lines that are no text of a file or command whether an answer has CRLF."""
    named = [line for line in lines[:2] if _HEAD_LINE.match(line)]
    fences = [line for line in lines if line.startswith(("```", "~~~"))]
    return any(line.endswith("\r") for line in [*named, *fences[-1:]])


class _Action:
    """The inside of an action block; ``lines`` go on to the end of the turn."""

    def __init__(self, lines: list[str], tools: Mapping[str, Tool]) -> None:
        self.lines = lines
        self.tools = tools
        name, self.inline = self._read_head(lines[0] if lines else "")
        self.tool = tools.get(name)

    def is_whole_before(self, end: int) -> bool | None:
        """See :class:`harness.agent.tools.text_forms.TextForm`."""
        if self.tool is None:
            return True  # whatever it is, it will be refused; JSON has no line ends in a text
        return self.tool.form.is_whole(self._arguments(self.lines[:end]), at_fence=True)

    def is_whole_at_end(self) -> bool:
        """Tell whether an action that was not closed is one all the same."""
        if self.tool is None:
            return True
        return bool(self.tool.form.is_whole(self._arguments(self.lines), at_fence=False))

    def read(self, lines: list[str]) -> tuple[ToolCall, ...]:
        """Read the call.

        :param lines: those of the action.
        """
        if lines and lines[0].lstrip().startswith("{"):
            return read_json_calls("\n".join(lines))[:1]
        name, _ = self._read_head(lines[0] if lines else "")
        if not name:
            raise FormatError("The action block is empty. Its first line is the name of a tool.")
        tool = self.tools.get(name)
        if tool is None:
            return (ToolCall(name, {}),)  # validation tells the model which tools there are
        return (ToolCall(name, tool.form.read(name, self._arguments(lines))),)

    def _arguments(self, lines: Sequence[str]) -> str:
        return "\n".join([self.inline, *lines[1:]] if self.inline else lines[1:])

    def _read_head(self, line: str) -> tuple[str, str]:
        """Split the first line of an action into the tool's name and what stands behind it."""
        text = line.strip().removeprefix("tool:").removeprefix("name:").strip()
        first, _, inline = text.partition(" ")
        name = first.strip("`*:")
        if name not in self.tools:
            return text.strip("`*:"), ""
        return name, inline.strip()


def _without_indent(lines: list[str], indent: str) -> list[str]:
    """Take off the indentation that the whole block has, as Markdown does in a list."""
    if not indent or not all(line.startswith(indent) or not line.strip() for line in lines):
        return lines
    return [line.removeprefix(indent) for line in lines]
