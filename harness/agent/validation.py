"""Checks a call against the schema of its tool, with messages that a small model can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import cast

from harness.models.conversation import ToolCall, ToolSpec

MAX_TEXT_CHARS = 400_000
# What models call tools and arguments that they know from elsewhere.
_INSTEAD = (
    (re.compile(r"(?i)create|write|new_?file|save|make_?file"), "edit_file", " with content"),
    (re.compile(r"(?i)replace|edit|patch|modify|update|insert|change|delete"), "edit_file",
     " with search and replace"),
    (re.compile(r"(?i)bash|shell|exec|command|terminal|pytest|test|python|git"), "run",
     " with command"),
    (re.compile(r"(?i)open|view|cat|show|get_?file|read"), "read_file", " with path"),
    (re.compile(r"(?i)list|ls|tree|dir|glob"), "list_files", ""),
    (re.compile(r"(?i)search|find|grep"), "grep", " with pattern"),
)  # fmt: skip
_ALIASES = {
    "path": ("file", "filename", "file_name", "file_path", "filepath", "target_file"),
    "start": ("start_line", "line_start", "from_line", "line", "offset"),
    "end": ("end_line", "line_end", "to_line"),
    "search": ("old", "old_str", "old_string", "old_text", "find", "original"),
    "replace": ("new", "new_str", "new_string", "new_text", "replacement"),
    "content": ("contents", "text", "code", "file_content", "body"),
    "command": ("cmd", "commands", "shell", "bash"),
    "pattern": ("regex", "query", "text", "search", "keyword"),
    "query": ("question", "text", "search", "pattern", "q"),
}


class FormatError(Exception):
    """The model's turn cannot be used; the message tells the model what to do instead."""


def validate(call: ToolCall, specs: Sequence[ToolSpec]) -> ToolCall:
    """Return the call with its arguments in the schema's types.

    Numbers written as text and the like are converted, because small models often write them so.

    :raises FormatError: unknown tool; missing, unknown, mistyped or oversized argument.
    """
    spec = next((spec for spec in specs if spec.name == call.name), None)
    if spec is None:
        raise FormatError(unknown_tool(call.name, [spec.name for spec in specs]))
    properties = cast(Mapping[str, Mapping[str, object]], spec.parameters.get("properties", {}))
    required = cast(Sequence[str], spec.parameters.get("required", ()))
    given = _with_known_names(call.arguments, properties)
    unknown = [key for key in given if key not in properties]
    if unknown:
        raise FormatError(
            f"{call.name} has no argument {str(unknown[0])[:60]!r}. "
            f"Its arguments: {', '.join(properties)}."
        )
    missing = [name for name in required if name not in given]
    if missing:
        raise FormatError(f"{call.name} needs the argument {missing[0]!r}.")
    return ToolCall(
        call.name,
        {key: _convert(call.name, key, given[key], properties[key]) for key in given},
    )


def unknown_tool(name: str, names: Sequence[str]) -> str:
    """Say that there is no such tool, and which one does what the model wants."""
    said = f"There is no tool {name[:60]!r}."
    for pattern, tool, how in _INSTEAD:
        if tool in names and pattern.search(name):
            return f"{said} Use {tool}{how}."
    close = difflib.get_close_matches(name, names, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"{said}{hint} Tools: {', '.join(names)}."


def _with_known_names(
    arguments: Mapping[str, object], properties: Mapping[str, object]
) -> dict[str, object]:
    """Rename arguments that have another usual name, where the right one is free."""
    given = {key: value for key, value in arguments.items() if value is not None}
    for right, others in _ALIASES.items():
        if right not in properties or right in given:
            continue
        named = [key for key in others if key in given and key not in properties]
        if len(named) == 1:
            given[right] = given.pop(named[0])
    return given


def _convert(tool: str, key: str, value: object, schema: Mapping[str, object]) -> object:
    if schema.get("type") == "integer":
        return _integer(tool, key, value, schema)
    if isinstance(value, bool | int | float):
        value = str(value)
    if not isinstance(value, str):
        kind = type(value).__name__
        raise FormatError(f"{tool}: {key!r} must be text, not {kind}. Send one text value.")
    limit = cast(int, schema.get("maxLength", MAX_TEXT_CHARS))
    if len(value) > limit:
        raise FormatError(f"{tool}: {key!r} has {len(value)} characters; at most {limit}.")
    if cast(int, schema.get("minLength", 0)) and not value.strip():
        raise FormatError(f"{tool}: {key!r} is empty.")
    return value


def _integer(tool: str, key: str, value: object, schema: Mapping[str, object]) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = int(value) if not isinstance(value, str) else int(value.strip(" \t`'\"")[:20])
    except (ValueError, OverflowError):
        raise FormatError(f"{tool}: {key!r} must be a whole number.") from None
    low, high = cast(int, schema.get("minimum", 0)), cast(int, schema.get("maximum", 10**9))
    if not low <= number <= high:
        raise FormatError(f"{tool}: {key!r} must be between {low} and {high}.")
    return number
