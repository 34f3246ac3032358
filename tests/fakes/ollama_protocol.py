"""The fields that Ollama's requests may have and their JSON types (``api/types.go``, 0.32).

Stricter than the real server in two respects: that one ignores fields and options it does not
know, and takes any role for the user's. This one answers 400, so that a misspelt word cannot pass
unnoticed.
"""

from __future__ import annotations

import json
from typing import Any

_OPTION_NAMES = {int: "integer", float: "float32", list: "array"}
_GO_NAMES = {str: "string", dict: "object", list: "array", bool: "bool", int: "number"}

_TEXT: tuple[type, ...] = (str,)
_FLAG: tuple[type, ...] = (bool,)
_COMMON: dict[str, tuple[type, ...]] = {
    "model": _TEXT,
    "options": (dict,),
    "keep_alive": (str, int, float),
}
_TALK: dict[str, tuple[type, ...]] = {
    **_COMMON,
    "stream": _FLAG,
    "format": (str, dict),
    "think": (bool, str),
    "truncate": _FLAG,
    "shift": _FLAG,
    "logprobs": _FLAG,
    "top_logprobs": (int,),
}
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "/api/show": {
        "model": _TEXT,
        "name": _TEXT,
        "verbose": _FLAG,
        "system": _TEXT,
        "template": _TEXT,
        "options": (dict,),
    },
    "/api/pull": {"model": _TEXT, "name": _TEXT, "insecure": _FLAG, "stream": _FLAG},
    "/api/delete": {"model": _TEXT, "name": _TEXT},
    "/api/embed": {**_COMMON, "input": (object,), "truncate": _FLAG, "dimensions": (int,)},
    "/api/chat": {**_TALK, "messages": (list,), "tools": (list,)},
    "/api/generate": {
        **_TALK,
        "prompt": _TEXT,
        "suffix": _TEXT,
        "system": _TEXT,
        "template": _TEXT,
        "raw": _FLAG,
        "images": (list,),
        "context": (list,),
    },
}
_MESSAGE_FIELDS = {
    "role",
    "content",
    "thinking",
    "images",
    "tool_calls",
    "tool_name",
    "tool_call_id",
}
_OPTIONS = {
    "num_ctx": int,
    "num_batch": int,
    "num_gpu": int,
    "num_thread": int,
    "num_keep": int,
    "num_predict": int,
    "seed": int,
    "top_k": int,
    "repeat_last_n": int,
    "top_p": float,
    "min_p": float,
    "temperature": float,
    "repeat_penalty": float,
    "stop": list,
}


class BadRequestError(Exception):
    """An answer that is not 200: its status and the text of its ``error`` field."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class CutError(Exception):
    """The connection ends without a word."""


def parse_body(path: str, raw: bytes) -> dict[str, Any]:
    """Read and check a request's body.

    :raises BadRequestError: not what the route takes.
    """
    if not raw:
        raise BadRequestError("missing request body")
    try:
        body = json.loads(raw)
    except ValueError:
        raise BadRequestError("unexpected EOF") from None
    if not isinstance(body, dict):
        raise BadRequestError("json: cannot unmarshal into Go value")
    allowed = FIELDS[path]
    for name, value in body.items():
        if name not in allowed:
            raise BadRequestError(f"unknown field {name!r}")
        if value is None or object in allowed[name]:
            continue
        wrong_bool = isinstance(value, bool) and bool not in allowed[name]
        if wrong_bool or not isinstance(value, allowed[name]):
            kind = _GO_NAMES.get(type(value), "number")
            raise BadRequestError(f"json: cannot unmarshal {kind} into Go struct field {name}")
    _check_options(body.get("options") or {})
    for message in body.get("messages") or []:
        _check_message(message)
    for tool in body.get("tools") or []:
        _check_tool(tool)
    return body


def texts_of(body: dict[str, Any]) -> list[str]:
    """The input of ``/api/embed``: a string or an array of strings.

    :raises BadRequestError: anything else.
    """
    given = body.get("input")
    if given is None or given == "":
        return []
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise BadRequestError("invalid input type")
    return given


def _check_options(options: dict[str, Any]) -> None:
    for name, value in options.items():
        kind = _OPTIONS.get(name)
        if kind is None:
            raise BadRequestError(f"invalid option provided: {name}")
        takes = (int, float) if kind in (int, float) else (kind,)
        if isinstance(value, bool) or not isinstance(value, takes):
            # The real server finds this out when it loads the model: 500, not 400 (0.32.15).
            raise BadRequestError(f'option "{name}" must be of type {_OPTION_NAMES[kind]}', 500)


def _check_message(message: Any) -> None:
    if not isinstance(message, dict) or not set(message) <= _MESSAGE_FIELDS:
        raise BadRequestError("json: cannot unmarshal into Go struct field ChatRequest.messages")
    if message.get("role") not in {"system", "user", "assistant", "tool"}:
        raise BadRequestError(f"invalid role {message.get('role')!r}")
    if not isinstance(message.get("content", ""), str):
        raise BadRequestError("json: cannot unmarshal into Go struct field Message.content")
    for call in message.get("tool_calls") or []:
        function = call.get("function", {}) if isinstance(call, dict) else {}
        if not function.get("name") or not isinstance(function.get("arguments", {}), dict):
            raise BadRequestError("json: cannot unmarshal into Go struct field ToolCall.function")


def _check_tool(tool: Any) -> None:
    if not isinstance(tool, dict) or not isinstance(tool.get("function"), dict):
        raise BadRequestError("json: cannot unmarshal into Go struct field ChatRequest.tools")
    function = tool["function"]
    parameters = function.get("parameters", {})
    if tool.get("type") != "function" or not function.get("name"):
        raise BadRequestError("json: cannot unmarshal into Go struct field ChatRequest.tools")
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise BadRequestError("json: cannot unmarshal into Go struct field ToolFunction.parameters")
