"""Finds calls of known tools anywhere in a text: JSON, Python-like calls, XML-like elements.

Other than :mod:`harness.agent.leaks`, which reads what is marked as a call, this looks for the
names of the tools on offer. What stands in a line's inline code is quoted, and no call.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.agent.json_repair import read_object
from harness.agent.validation import FormatError
from harness.models.conversation import ToolCall, ToolSpec

_NAME_KEY = r"[\"'](?:name|tool|tool_name|action|function)[\"']\s*:\s*[\"']([\w.-]+)[\"']"
_OBJECT = re.compile(r"\{\s*(?:[\"']type[\"']\s*:\s*[\"']function[\"']\s*,\s*)?"
                     r"(?:[\"']function[\"']\s*:\s*\{\s*)?" + _NAME_KEY)  # fmt: skip
_NAMED = re.compile(_NAME_KEY)
_WRAPPERS = re.compile(
    r"</?(?:tools?|tool_calls?|function_calls?|tool_response|invoke|action)>"
    r"|^[ \t]*```(?:json|tool_call|tool_code|tool|xml|python|py|action)?[ \t]*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Written:
    """Calls in a text, and the text without them. ``repaired``: not all were valid as written."""

    rest: str
    calls: tuple[ToolCall, ...]
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    call: ToolCall
    repaired: bool = False


def find_written_calls(
    content: str, specs: Sequence[ToolSpec], calls_of: Callable[[object], tuple[ToolCall, ...]]
) -> Written:
    """Return the calls in the order in which they stand.

    :param calls_of: reads a JSON value as calls.
    :raises FormatError: a call of a known tool is there, and cannot be read.
    """
    by_name = {spec.name: spec for spec in specs}
    found = list(_objects(content, by_name, calls_of))
    if not found:
        found = [*_python_calls(content, by_name), *_elements(content, by_name)]
    if not found:
        return Written(content, ())
    found.sort(key=lambda one: one.start)
    parts, last = [], 0
    for one in found:
        parts.append(content[last : one.start])
        last = max(last, one.end)
    parts.append(content[last:])
    rest = _WRAPPERS.sub("", "".join(parts)).strip()
    calls = tuple(one.call for one in found)
    return Written(rest, calls, any(one.repaired for one in found))


def names_a_tool(content: str) -> str:
    """Return the tool that a text seems to call in JSON, empty when it does not."""
    match = _OBJECT.search(content)
    return match[1] if match is not None and not _is_quoted(content, match.start()) else ""


def _objects(
    content: str,
    by_name: Mapping[str, ToolSpec],
    calls_of: Callable[[object], tuple[ToolCall, ...]],
) -> list[_Found]:
    found: list[_Found] = []
    at = 0
    for match in _OBJECT.finditer(content):
        if match.start() < at or match[1] not in by_name or _is_quoted(content, match.start()):
            continue
        read = read_object(content, match.start())
        if read is None:
            raise FormatError(
                f"The call of {match[1]} is not complete JSON, so it was not made. Send it again, "
                "shorter, with every quote and bracket closed."
            )
        value, end, repaired = read
        calls = calls_of(value)
        if not calls:
            raise FormatError(
                f'The call of {match[1]} needs "arguments" with an object. Send it again.'
            )
        for call in calls:
            found.append(_Found(match.start(), end, call, repaired))
        at = end
    return found


def _python_calls(content: str, by_name: Mapping[str, ToolSpec]) -> list[_Found]:
    """Calls that begin a line: ``read_file("a.py", start=3)``; over several lines, too."""
    names = "|".join(re.escape(name) for name in by_name)
    found: list[_Found] = []
    at = 0
    for match in re.finditer(rf"^[ \t]*(?:print\()?({names})\(", content, re.MULTILINE):
        if match.start() < at:
            continue
        start = match.start(1)
        for end in _closings(content, match.end()):
            call = _python_call(content[start:end], by_name)
            if call is not None:
                found.append(_Found(start, end, call))
                at = end
                break
    return found


def _closings(content: str, start: int) -> list[int]:
    """Where a call may end: behind the next few closing brackets."""
    ends: list[int] = []
    at = content.find(")", start)
    while at >= 0 and len(ends) < 40:
        ends.append(at + 1)
        at = content.find(")", at + 1)
    return ends


def _python_call(text: str, by_name: Mapping[str, ToolSpec]) -> ToolCall | None:
    try:
        node = ast.parse(text, mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None
        properties = by_name[node.func.id].parameters.get("properties", {})
        keys = list(properties) if isinstance(properties, Mapping) else []
        given = [ast.literal_eval(argument) for argument in node.args]
        if len(given) == 1 and isinstance(given[0], dict) and not node.keywords:
            return ToolCall(node.func.id, given[0])
        if len(given) > len(keys) or (not given and not node.keywords):
            return None
        arguments = dict(zip(keys, given, strict=False))
        for keyword in node.keywords:
            if keyword.arg is None:
                return None
            arguments[keyword.arg] = ast.literal_eval(keyword.value)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError, KeyError):
        return None
    return ToolCall(node.func.id, arguments)


def _elements(content: str, by_name: Mapping[str, ToolSpec]) -> list[_Found]:
    """Elements named like a tool, with an element for each argument."""
    found: list[_Found] = []
    for name, spec in by_name.items():
        properties = spec.parameters.get("properties", {})
        keys = "|".join(properties) if isinstance(properties, Mapping) else ""
        tag = re.compile(rf"^[ \t]*<{name}>\s*(.*?)\s*</{name}>", re.DOTALL | re.MULTILINE)
        for match in tag.finditer(content):
            inner = re.findall(rf"<({keys})>\n?(.*?)\n?</\1>", match[1], re.DOTALL)
            if inner and len(dict(inner)) == len(inner):
                call = ToolCall(name, dict(inner))
                found.append(_Found(match.start(), match.end(), call))
    return found


def _is_quoted(content: str, at: int) -> bool:
    """Tell whether a place lies in inline code, between single backticks of its line."""
    start = content.rfind("\n", 0, at) + 1
    before = content[start:at].replace("```", "")
    return before.count("`") % 2 == 1
