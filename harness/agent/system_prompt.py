"""The system prompt of a run. Short, because small models read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from types import MappingProxyType

from harness.agent import prompts
from harness.agent.actions import write_action
from harness.agent.tools.tool import Tool

_NO_EXAMPLES: Mapping[str, Mapping[str, object]] = MappingProxyType({})


def system_prompt(
    kind: str,
    protocol: str,
    tools: Sequence[Tool],
    examples: Mapping[str, Mapping[str, object]] = _NO_EXAMPLES,
) -> str:
    """Return the system prompt of a run.

    :param kind: ``ask``, ``task`` or ``chat``.
    :param protocol: ``native`` or ``text``.
    :param tools: described here for the text protocol; natively they go along with a request.
    :param examples: calls to show instead of the tools' own, by the tool's name.
    """
    parts = [_load(kind), _load("data"), _load(f"protocol_{protocol}")]
    if protocol == "text":
        parts += [tool.notes for tool in tools if tool.notes]
        parts += ["One example of each tool:"]
        parts += [write_action(tool, examples.get(tool.name, tool.example)) for tool in tools]
    return "\n\n".join(parts)


def _load(name: str) -> str:
    return resources.files(prompts).joinpath(f"{name}.md").read_text("utf-8").strip()
