"""How the arguments of a tool are written in the text protocol, and read back.

An action block holds the tool's name on its first line and the arguments below it. What "below it"
looks like is up to the tool, which names one of these forms or brings its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from harness.agent.tools.command_text import is_whole
from harness.agent.validation import FormatError

_KEY_LINE = re.compile(r"^[ \t]*([a-z_]+)[ \t]*:[ \t]*(.*?)[ \t\r]*$")


class TextForm(Protocol):
    """Writes and reads the arguments of one tool."""

    @property
    def when_cut_off(self) -> str:
        """Advice for a model whose action was cut off; empty when there is none."""

    def write(self, arguments: Mapping[str, object]) -> str:
        """Return the lines below the tool's name; :meth:`read` understands them."""

    def read(self, tool: str, text: str) -> dict[str, object]:
        """Return the arguments, not validated yet.

        :param tool: the tool's name, for messages.
        :raises FormatError: the text does not have this form; the message is for the model.
        """

    def is_whole(self, text: str, *, at_fence: bool) -> bool | None:
        """Tell whether the arguments may end here.

        :param at_fence: before what may be the closing fence; otherwise at the end of a turn in
            which the block was not closed.
        :returns: True or False where that is certain, None where it depends on the fences.
        """


class KeyLines:
    """One ``key: value`` line for each argument."""

    when_cut_off = ""

    def write(self, arguments: Mapping[str, object]) -> str:
        """One line for each argument, in the order given."""
        return "\n".join(f"{key}: {value}" for key, value in arguments.items())

    def read(self, tool: str, text: str) -> dict[str, object]:
        """Anything but ``key: value`` lines is refused."""
        arguments, rest, _ = read_key_lines(text)
        if rest.strip():
            raise FormatError(f"{tool}: write each argument on a line of its own, as `key: value`.")
        return arguments

    def is_whole(self, text: str, *, at_fence: bool) -> bool | None:
        """Such lines hold no fences."""
        return True


KEY_LINES: TextForm = KeyLines()


class Body:
    """One argument as it is, without quoting, below the ``key: value`` lines of the others.

    :param key: the argument that the body stands for.
    :param others: the arguments that may stand above it.
    """

    when_cut_off = ""

    def __init__(self, key: str, others: Collection[str] = ()) -> None:
        self.key = key
        self.others = frozenset(others)

    def write(self, arguments: Mapping[str, object]) -> str:
        """The key lines first, then the body; its key only where it could be mistaken for one."""
        lines = [f"{key}: {value}" for key, value in arguments.items() if key != self.key]
        body = str(arguments.get(self.key, ""))
        given, _, is_body = read_key_lines(body, self.others, stop=self.key)
        if given or is_body:
            lines.append(f"{self.key}:")
        return "\n".join([*lines, body])

    def read(self, tool: str, text: str) -> dict[str, object]:
        """The body starts at the first line that is no argument, or after its own key."""
        arguments, rest, _ = read_key_lines(text, self.others, stop=self.key)
        return {**arguments, self.key: rest.strip("\n")}

    def is_whole(self, text: str, *, at_fence: bool) -> bool | None:
        """Without a closing fence only a single line is: what comes behind might be prose."""
        body = read_key_lines(text, self.others, stop=self.key)[1].strip("\n")
        if not at_fence:
            return "\n" not in body and "```" not in body
        return is_whole(body)


def read_key_lines(
    text: str, keys: Collection[str] | None = None, stop: str = ""
) -> tuple[dict[str, object], str, bool]:
    """Split a text into its leading ``key: value`` lines and the rest.

    A path may be in quotes, which no real one is; the quotes of any other value belong to it.

    :param keys: the keys to look for; None: any.
    :param stop: a key whose value is the start of the rest.
    :returns: the arguments, the rest, and whether it began with ``stop``.
    """
    arguments: dict[str, object] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _KEY_LINE.match(line)
        if match is not None and match[1] == stop:
            return arguments, _value_of_stop(match[2], lines[number + 1 :]), True
        if match is None or (keys is not None and match[1] not in keys):
            if line.strip():
                return arguments, "\n".join(lines[number:]), False
            continue
        key, value = match[1], match[2]
        quoted = key == "path" and len(value) > 2 and value[0] == value[-1] and value[0] in "`'\""
        arguments[key] = value[1:-1] if quoted else value
    return arguments, "", False


def _value_of_stop(first: str, rest: Sequence[str]) -> str:
    if first != "|":
        return "\n".join([first, *rest] if first else rest)
    # YAML's mark of a text whose lines are all indented, which models often leave unindented.
    written = [line for line in rest if line.strip()]
    indent = written[0][: len(written[0]) - len(written[0].lstrip())] if written else ""
    if not all(line.startswith(indent) for line in written):
        indent = ""
    return "\n".join(line.removeprefix(indent) for line in rest)
