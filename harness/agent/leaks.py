"""Recovers tool calls that a model printed as text instead of making them.

Seen with models behind Ollama: bare JSON, JSON in a code fence, ``<tool_call>`` with JSON,
``<function=…><parameter=…>`` (Qwen3-Coder), ``[TOOL_CALLS]`` (Mistral): these are marked as calls.
Without a mark, a call is what names a tool on offer (:mod:`harness.agent.written_calls`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from harness.agent.json_repair import read_object
from harness.agent.validation import FormatError, unknown_tool
from harness.agent.written_calls import find_written_calls
from harness.models.conversation import ToolCall, ToolSpec

# Blanks around a part are taken off it later: here, each of thousands would start over.
_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)
_FUNCTION = re.compile(r"<function=([\w.-]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
# A parameter may lack its end where the next one or the end of the function follows (Qwen3-Coder).
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)
_FUNCTION_END = "</function>"
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*(.*)\Z", re.DOTALL)
_MISTRAL_NAMED = re.compile(r"([\w.-]+)\s*(?:\[ARGS\])?\s*(\{.*\})\s*\Z", re.DOTALL)
_FENCED = re.compile(r"\A```(?:json|tool_call|tool)?[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_UNCLEAR = (
    "The tool call cannot be read, because its text holds marks like <function=…> or </parameter>. "
    "Make a smaller change that leaves such lines out."
)
_MARKERS = ("<tool_call>", "<function=", "[TOOL_CALLS]")


def find_leaked_calls(content: str, specs: Sequence[ToolSpec]) -> tuple[str, tuple[ToolCall, ...]]:
    """Return the text around the calls, and the calls: none in an ordinary answer.

    :param specs: tools on offer; what is not marked as a call must name one of them.
    :raises FormatError: the text is marked as a call but cannot be read as one.
    """
    for pattern, read in ((_TAGGED, _read_tagged), (_FUNCTION, _read_function)):
        matches = list(pattern.finditer(content))
        if matches:
            for start, end in (("<function=", _FUNCTION_END), ("<parameter=", "</parameter>")):
                if content.count(end) > content.count(start):
                    raise FormatError(_UNCLEAR)
            found = tuple(call for match in matches for call in read(match))
            return pattern.sub("", content).strip(), found
    mistral = _MISTRAL.search(content)
    if mistral is not None:
        return content[: mistral.start()].strip(), _read_mistral(mistral[1])
    written = find_written_calls(content, specs, _calls_of)
    if written.calls:
        return written.rest, written.calls
    fenced = _FENCED.match(content.strip())
    body = fenced[1] if fenced is not None else content.strip()
    value = read_object(body, 0) if body[:1] == "{" else None
    unknown = _calls_of(value[0]) if value is not None else ()
    if len(unknown) == 1 and ("arguments" in body or "parameters" in body):
        raise FormatError(unknown_tool(unknown[0].name, [spec.name for spec in specs]))
    return content, ()


def looks_like_call(content: str) -> bool:
    """Tell whether a text carries a marker of a tool call."""
    return any(marker in content for marker in _MARKERS)


def read_json_calls(text: str) -> tuple[ToolCall, ...]:
    """Read calls from JSON.

    :raises FormatError: it is not valid JSON, or not a call.
    """
    try:
        found = _calls_of(json.loads(text, strict=False))
    except (ValueError, RecursionError) as error:
        start = text.find("{")
        read = read_object(text, start) if start >= 0 else None
        if read is None:
            raise FormatError(
                f"The tool call is not valid JSON ({error}). Send it again."
            ) from None
        found = _calls_of(read[0])
    if not found:
        raise FormatError('A tool call needs "name" and "arguments". Send it again.')
    return found


def _read_tagged(match: re.Match[str]) -> tuple[ToolCall, ...]:
    functions = list(_FUNCTION.finditer(match[1]))
    if functions:
        return tuple(call for function in functions for call in _read_function(function))
    return read_json_calls(match[1].strip())


def _read_function(match: re.Match[str]) -> tuple[ToolCall, ...]:
    name, body = match[1], match[2].strip()
    found = list(_PARAMETER.finditer(body))
    # The format knows no quoting: a text that holds its marks reads like several parameters.
    names = [parameter[1] for parameter in found]
    if "<function=" in body or _PARAMETER.sub("", body).strip() or len({*names}) < len(names):
        raise FormatError(_UNCLEAR)
    if found and not found[-1][0].endswith("</parameter>") and not match[0].endswith(_FUNCTION_END):
        raise FormatError("The tool call is not complete. Send it again, with its end.")
    arguments = {
        # The format puts a value on lines of its own; those line ends are not part of it.
        parameter[1]: parameter[2].removeprefix("\n").removesuffix("\n")
        for parameter in found
    }
    return (ToolCall(name, arguments),)


def _read_mistral(body: str) -> tuple[ToolCall, ...]:
    named = _MISTRAL_NAMED.match(body)
    if named is None:
        return read_json_calls(body)
    return read_json_calls(json.dumps({"name": named[1]})[:-1] + f', "arguments": {named[2]}}}')


def _calls_of(value: object) -> tuple[ToolCall, ...]:
    if isinstance(value, list):
        return tuple(call for item in value for call in _calls_of(item))
    if not isinstance(value, dict):
        return ()
    inner = value.get("function")
    if isinstance(inner, dict):
        return _calls_of(inner)
    name = value.get("name") or value.get("tool") or value.get("action")
    arguments = value.get("arguments", value.get("parameters", value.get("args")))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments, strict=False)
        except (ValueError, RecursionError):
            return ()
    if arguments is None:
        arguments = {k: v for k, v in value.items() if k not in ("name", "tool", "action")}
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return ()
    return (ToolCall(name, arguments),)
