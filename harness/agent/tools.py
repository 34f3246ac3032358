"""The tools on offer, and what happens to their output.

At most six, because small models lose their way among more. An output is cut to about 8 KB,
first and last part; the whole of it stays readable as ``@output/N``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import HarnessError, PolicyError
from harness.repository.credentials import redact
from harness.types import ToolCall, ToolSpec

logger = logging.getLogger(__name__)

MAX_TOOLS = 6
MAX_OUTPUT_CHARS = 8_000
MAX_KEPT_CHARS = 1_000_000
Arguments = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool says. ``refused``: by a permission; ``changed``: files are different now."""

    text: str
    ok: bool = True
    refused: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what the model is told, an example in the text protocol, and what it does."""

    spec: ToolSpec
    example: str
    handler: Callable[[Arguments], ToolOutput]


class OutputStore:
    """Keeps whole outputs, numbered from 1, for ``read_file`` on ``@output/N``."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def keep(self, text: str) -> str:
        """Keep a text and return its address."""
        self._texts.append(text[:MAX_KEPT_CHARS])
        return f"@output/{len(self._texts)}"

    def get(self, address: str) -> str | None:
        """Return a kept text, None when there is none of that number."""
        number = address.removeprefix("@output/")
        if (
            not number.isascii()
            or not number.isdigit()
            or not 1 <= int(number[:9]) <= len(self._texts)
        ):
            return None
        return self._texts[int(number) - 1]


def schema(
    required: Sequence[str] = (), **properties: Mapping[str, object]
) -> Mapping[str, object]:
    """Return a JSON schema of type object."""
    return {"type": "object", "properties": properties, "required": list(required)}


class Toolbox:
    """Runs validated calls. A tool's error is an answer to the model, not the end of the run."""

    def __init__(
        self,
        tools: Sequence[Tool],
        store: OutputStore,
        max_chars: int = MAX_OUTPUT_CHARS,
        secrets: Sequence[str] = (),
    ) -> None:
        if len(tools) > MAX_TOOLS:
            raise ValueError(f"{len(tools)} tools; at most {MAX_TOOLS}")
        self.tools = {tool.spec.name: tool for tool in tools}
        self.store = store
        self.max_chars = max_chars
        self.secrets = tuple(secrets)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools for the model."""
        return tuple(tool.spec for tool in self.tools.values())

    def run(self, call: ToolCall) -> ToolOutput:
        """Run one call; the output is free of credentials, and capped."""
        try:
            output = self.tools[call.name].handler(call.arguments)
        except PolicyError as error:
            output = ToolOutput(f"Refused: {error}", ok=False, refused=True)
        except HarnessError as error:
            output = ToolOutput(f"Error: {error}", ok=False)
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("tool %s failed", call.name, exc_info=True)
            output = ToolOutput(f"Error: {type(error).__name__}: {error}", ok=False)
        return self.cap(replace(output, text=redact(output.text, self.secrets)))

    def cap(self, output: ToolOutput) -> ToolOutput:
        """Return an output that fits; the whole of it is kept."""
        if len(output.text) <= self.max_chars:
            return output
        address = self.store.keep(output.text)
        return ToolOutput(
            _head_and_tail(output.text, self.max_chars, address),
            output.ok,
            output.refused,
            output.changed,
        )


def _head_and_tail(text: str, max_chars: int, address: str) -> str:
    half = max_chars // 2
    head, tail = text[:half], text[-half:]
    # At line ends, unless a line is as long as a part.
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    left_out = len(text) - len(head) - len(tail)
    return (
        f"{head}[… {left_out} characters left out; the whole text: read_file with path "
        f"{address} …]\n{tail}"
    )
