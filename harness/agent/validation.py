"""Checks a call against the schema of its tool, with messages that a small model can act on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import cast

from harness.types import ToolCall, ToolSpec

MAX_TEXT_CHARS = 400_000


class FormatError(Exception):
    """The model's turn cannot be used; the message tells the model what to do instead."""


def validate(call: ToolCall, specs: Sequence[ToolSpec]) -> ToolCall:
    """Return the call with its arguments in the schema's types.

    Numbers written as text and the like are converted, because small models often write them so.

    :raises FormatError: unknown tool; missing, unknown, mistyped or oversized argument.
    """
    spec = next((spec for spec in specs if spec.name == call.name), None)
    if spec is None:
        names = [spec.name for spec in specs]
        close = difflib.get_close_matches(call.name, names, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise FormatError(f"There is no tool {call.name[:60]!r}.{hint} Tools: {', '.join(names)}.")
    properties = cast(Mapping[str, Mapping[str, object]], spec.parameters.get("properties", {}))
    required = cast(Sequence[str], spec.parameters.get("required", ()))
    given = {key: value for key, value in call.arguments.items() if value is not None}
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
