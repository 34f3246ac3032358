"""How the arguments of a tool are written in the text protocol, and read back.

An action block holds the tool's name on its first line and the arguments below it. What "below it"
looks like is up to the tool, which names one of these forms or brings its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from harness.agent.validation import FormatError

_KEY_LINE = re.compile(r"^[ \t]*([a-z_]+)[ \t]*:[ \t]*(.*?)[ \t]*$")


class TextForm(Protocol):
    """Writes and reads the arguments of one tool."""

    @property
    def holds_fences(self) -> bool:
        """Whether an argument may contain code fences: the block then ends at the last fence of
        the turn instead of the first."""

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


class KeyLines:
    """One ``key: value`` line for each argument."""

    holds_fences = False
    when_cut_off = ""

    def write(self, arguments: Mapping[str, object]) -> str:
        """One line for each argument, in the order given."""
        return "\n".join(f"{key}: {value}" for key, value in arguments.items())

    def read(self, tool: str, text: str) -> dict[str, object]:
        """Anything but ``key: value`` lines is refused."""
        arguments, rest = read_key_lines(text)
        if rest.strip():
            raise FormatError(f"{tool}: write each argument on a line of its own, as `key: value`.")
        return arguments


KEY_LINES: TextForm = KeyLines()


class Body:
    """One argument as it is, without quoting, below the ``key: value`` lines of the others.

    :param key: the argument that the body stands for.
    """

    holds_fences = False
    when_cut_off = ""

    def __init__(self, key: str) -> None:
        self.key = key

    def write(self, arguments: Mapping[str, object]) -> str:
        """The key lines first, then the body; its key only where it could be mistaken for one."""
        lines = [f"{key}: {value}" for key, value in arguments.items() if key != self.key]
        body = str(arguments.get(self.key, ""))
        if read_key_lines(body)[0]:
            lines.append(f"{self.key}:")
        return "\n".join([*lines, body])

    def read(self, tool: str, text: str) -> dict[str, object]:
        """The body starts at the first line that is no ``key: value``, or after its own key."""
        arguments, rest = read_key_lines(text, stop=self.key)
        return {**arguments, self.key: rest.strip("\n")}


def read_key_lines(text: str, stop: str = "") -> tuple[dict[str, object], str]:
    """Split a text into its leading ``key: value`` lines and the rest.

    :param stop: a key whose value is the start of the rest.
    """
    arguments: dict[str, object] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _KEY_LINE.match(line)
        if match is None:
            if line.strip():
                return arguments, "\n".join(lines[number:])
            continue
        if match[1] == stop:
            after = "\n".join(lines[number + 1 :])
            return arguments, f"{match[2]}\n{after}" if match[2] not in ("", "|") else after
        arguments[match[1]] = match[2].strip("`'\"")
    return arguments, ""
