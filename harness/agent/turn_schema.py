"""A turn in JSON whose form the server enforces (Ollama's ``format``), after one that was lost.

Not the usual way: code in JSON is full of escapes, which small models get wrong. But a turn that
cannot be read is worth nothing, and three of them end a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from harness.models.conversation import ToolSpec


def turn_schema(tools: Sequence[ToolSpec]) -> Mapping[str, object]:
    """Return the JSON schema of one call of these tools, or of the final answer.

    It says less than the tools' own schemas: a length of many thousands becomes a grammar that
    llama.cpp refuses.
    """
    kinds: list[object] = [
        _object({"name": {"const": tool.name}, "arguments": _arguments(tool)}) for tool in tools
    ]
    return {"anyOf": [*kinds, _object({"answer": {"type": "string"}})]}


def answer_in(content: str) -> str:
    """Return the final answer of a turn in this form; empty: it is something else."""
    text = content.strip()
    if not text.startswith("{") or '"answer"' not in text:
        return ""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict) or list(value) != ["answer"]:
        return ""
    answer = value["answer"]
    return answer.strip() if isinstance(answer, str) else ""


def _arguments(tool: ToolSpec) -> Mapping[str, object]:
    properties = cast(Mapping[str, Mapping[str, object]], tool.parameters.get("properties", {}))
    fields = {name: {"type": one.get("type", "string")} for name, one in properties.items()}
    return _object(fields, cast(Sequence[str], tool.parameters.get("required", ())))


def _object(
    fields: Mapping[str, object], required: Sequence[str] | None = None
) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields if required is None else required),
        "additionalProperties": False,
    }
