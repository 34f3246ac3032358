"""Runs calls, and cuts their output to a size that a small window can take.

An output is cut to about 8 KB, its first and its last part; the whole of it stays readable as
``@output/N``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from harness.agent.tools.outputs import OutputStore
from harness.agent.tools.tool import Tool, ToolOutput, first_line
from harness.errors import HarnessError, PolicyError
from harness.models.conversation import ToolCall
from harness.repository.credentials import redact

logger = logging.getLogger(__name__)

MAX_OUTPUT_CHARS = 8_000
MAX_SUMMARY_CHARS = 160


class Toolbox:
    """Runs validated calls. A tool's error is an answer to the model, not the end of the run.

    :param secrets: values that the model does not get to see.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        outputs: OutputStore,
        max_chars: int = MAX_OUTPUT_CHARS,
        secrets: Sequence[str] = (),
    ) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self.outputs = outputs
        self.max_chars = max_chars
        self.secrets = tuple(secrets)

    def run(self, call: ToolCall) -> ToolOutput:
        """Run one call; its output is free of credentials, and cut.

        :returns: the output, always with a summary.
        """
        try:
            output = self.tools[call.name].handler(call.arguments)
        except PolicyError as error:
            reason = f"not allowed, {self._reason(call, error)}"
            output = ToolOutput(f"Refused: {error}", ok=False, refused=True, summary=reason)
        except HarnessError as error:
            refused = "refused, " if self.tools[call.name].changes else ""
            reason = f"{refused}{self._reason(call, error)}"
            output = ToolOutput(f"Error: {error}", ok=False, summary=reason)
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("tool %s failed", call.name, exc_info=True)
            output = ToolOutput(f"Error: {type(error).__name__}: {error}", ok=False)
        summary = redact(output.summary or output.text, self.secrets, suspected=True)
        return replace(
            output,
            text=self.cut(redact(output.text, self.secrets)),
            summary=first_line(summary, MAX_SUMMARY_CHARS),
        )

    def heading(self, call: ToolCall) -> str:
        """Return a call in one line, free of credentials."""
        return redact(self.tools[call.name].heading(call.arguments), self.secrets, suspected=True)

    def _reason(self, call: ToolCall, error: HarnessError) -> str:
        """Return why a call failed, without the remedy, which is for the model."""
        path = str(call.arguments.get("path", ""))
        return str(error).removeprefix(f"{path}: ").partition("; ")[0]

    def cut(self, text: str) -> str:
        """Return a text that fits; if that is only a part, the whole is kept."""
        if len(text) <= self.max_chars:
            return text
        half = self.max_chars // 2
        head, tail = text[:half], text[-half:]
        # At line ends, unless one line is longer than a part.
        head = head[: head.rfind("\n") + 1] or head
        tail = tail[tail.find("\n") + 1 :] or tail
        left_out = len(text) - len(head) - len(tail)
        return (
            f"{head}[… {left_out} characters left out; the whole text: read_file with path "
            f"{self.outputs.keep(text)} …]\n{tail}"
        )
