"""What a tool declares, all of it in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.agent.tools.text_forms import KEY_LINES, TextForm
from harness.models.conversation import ToolSpec

Arguments = Mapping[str, object]
PATH = {"type": "string", "description": "path relative to the repository root", "maxLength": 1000}
MAX_LINE_CHARS = 400
MAX_SUBJECT_CHARS = 100


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool returns to the model. ``refused``: a permission forbade it; ``changed``: files
    are different now; ``summary``: the same in a few words for a person, without a line end."""

    text: str
    ok: bool = True
    refused: bool = False
    changed: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what the model is told, how a call is written as text, what a call does.

    ``example`` holds the arguments of a typical call, which the text protocol shows in its prompt;
    ``notes`` are Markdown for that prompt, empty when the example says enough. ``subject`` names
    the arguments that tell a person what a call is about; ``changes``: a call changes a file, or
    is refused.
    """

    spec: ToolSpec
    example: Arguments
    handler: Callable[[Arguments], ToolOutput]
    form: TextForm = KEY_LINES
    notes: str = ""
    subject: tuple[str, ...] = ()
    changes: bool = False

    @property
    def name(self) -> str:
        """The name that a call carries."""
        return self.spec.name

    def heading(self, arguments: Arguments) -> str:
        """Return a call in one line, such as ``read_file src/app.py``."""
        values = [str(arguments[key]).strip() for key in self.subject if arguments.get(key)]
        return " ".join([self.name, *(first_line(value, MAX_SUBJECT_CHARS) for value in values)])


def schema(
    required: Sequence[str] = (), **properties: Mapping[str, object]
) -> Mapping[str, object]:
    """Return a JSON schema of type object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def cut_line(line: str) -> str:
    """Return a line of a file, shortened when it is too long to show."""
    return line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + " […]"


def counted(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_line(text: str, max_chars: int) -> str:
    """Return the first line of a text for a person, with `…` where something was left out."""
    line, _, rest = text.strip().partition("\n")
    line = " ".join(line.split())
    if len(line) <= max_chars and not rest:
        return line
    return f"{line[:max_chars].rstrip()}…"
