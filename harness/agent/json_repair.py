"""Reads the JSON that models write: exactly where it is valid, repaired where that is certain.

A repair is certain when only one valid text comes to mind: a triple-quoted string, a trailing
comma, a backslash that escapes nothing, Python's constants and quotes, brackets that are missing at
the very end. What was cut off inside a string is not repaired: its end is not known.
"""

from __future__ import annotations

import ast
import json
import re

MAX_CHARS = 200_000
_DECODER = json.JSONDecoder(strict=False)  # line ends inside strings are usual
_TRIPLE = re.compile(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_MISSING = 3


def read_object(text: str, start: int) -> tuple[dict[str, object], int, bool] | None:
    """Read the object that begins at ``text[start]``.

    :returns: the object, where it ends, and whether it had to be repaired; None when it cannot be
        read.
    """
    if len(text) - start > MAX_CHARS:
        return None
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return _repaired(text, start)
    return (value, end, False) if isinstance(value, dict) else None


def _repaired(text: str, start: int) -> tuple[dict[str, object], int, bool] | None:
    rest = text[start:]
    plain = _TRIPLE.sub(lambda match: json.dumps(match[1] or match[2] or ""), rest)
    plain = _STRING.sub(lambda match: _BAD_ESCAPE.sub(r"\\\\", match[0]), plain)
    outside = _outside_strings(plain)
    for candidate in (plain, outside):
        try:
            value, end = _DECODER.raw_decode(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            left = len(candidate) - end
            return value, len(text) - left, True
    value = _python(rest) or _closed(outside)
    return (value, len(text), True) if value is not None else None


def _outside_strings(text: str) -> str:
    """Mend what is outside of strings: commas before a closing bracket."""
    parts, last = [], 0
    for match in _STRING.finditer(text):
        parts += [_TRAILING_COMMA.sub(r"\1", text[last : match.start()]), match[0]]
        last = match.end()
    parts.append(_TRAILING_COMMA.sub(r"\1", text[last:]))
    return "".join(parts)


def _python(text: str) -> dict[str, object] | None:
    """A Python dictionary, up to the end of the text or of its last bracket."""
    body = text[: text.rfind("}") + 1]
    try:
        value = ast.literal_eval(body)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
    return value if isinstance(value, dict) and all(isinstance(k, str) for k in value) else None


def _closed(text: str) -> dict[str, object] | None:
    """Add the brackets that are missing at the end, when nothing else is."""
    body = text.rstrip().rstrip("`").rstrip()
    for count in range(1, _MAX_MISSING + 1):
        try:
            value = json.loads(body + "}" * count, strict=False)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None
