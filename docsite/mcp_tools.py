"""docs/reference/mcp-tools.md: what editors and agents may call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from harness.mcp_server import make_server, open_context

_HEADER = """# MCP tools

Made from the code by `make reference`; these are the words that a model reads. The same tools
answer over stdio (`harness mcp`) and over HTTP (`/mcp`): [editors](../editors.md) has the set-up of
each editor.
"""


def page() -> str:
    """The whole page."""
    tools = asyncio.run(make_server(open_context()).list_tools())
    return _HEADER + "".join(_section(tool) for tool in tools)


def _section(tool: Any) -> str:
    lines = [f"\n## {tool.name}\n", f"{tool.title}. {tool.description}\n"]
    properties: Mapping[str, Any] = tool.input_schema.get("properties", {})
    if properties:
        lines += ["| parameter | type | default | meaning |", "|---|---|---|---|"]
        required = tool.input_schema.get("required", ())
        lines += [_row(name, told, name in required) for name, told in properties.items()]
    return "\n".join(lines) + "\n"


def _row(name: str, told: Mapping[str, Any], required: bool) -> str:
    default = "required" if required else f"`{json.dumps(told.get('default'))}`"
    kinds = [one.get("type") for one in told.get("anyOf", (told,)) if one.get("type") != "null"]
    meaning = " ".join(told.get("description", "").split()).replace("|", "\\|")
    return f"| `{name}` | {' or '.join(map(str, kinds))} | {default} | {meaning} |"
