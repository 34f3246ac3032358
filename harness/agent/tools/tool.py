"""What a tool declares, all of it in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.agent.tools.text_forms import KEY_LINES, TextForm
from harness.types import ToolSpec

Arguments = Mapping[str, object]
PATH = {"type": "string", "description": "path relative to the repository root", "maxLength": 1000}
MAX_LINE_CHARS = 400


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool returns to the model. ``refused``: a permission forbade it; ``changed``: files
    are different now."""

    text: str
    ok: bool = True
    refused: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what the model is told, how a call is written as text, what a call does.

    ``example`` holds the arguments of a typical call, which the text protocol shows in its prompt;
    ``notes`` are Markdown for that prompt, empty when the example says enough.
    """

    spec: ToolSpec
    example: Arguments
    handler: Callable[[Arguments], ToolOutput]
    form: TextForm = KEY_LINES
    notes: str = ""

    @property
    def name(self) -> str:
        """The name that a call carries."""
        return self.spec.name


def schema(
    required: Sequence[str] = (), **properties: Mapping[str, object]
) -> Mapping[str, object]:
    """Return a JSON schema of type object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def cut_line(line: str) -> str:
    """Return a line of a file, shortened when it is too long to show."""
    return line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + " […]"
