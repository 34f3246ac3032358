"""Makes C and C++ readable for a parser that has no preprocessor.

Macros that stand for attributes or open a namespace, and conditions that cut through a
definition, derail the grammar: it then misses the class and its members, and sometimes the rest
of the file. They are replaced by the same number of spaces, so that rows and offsets stay those
of the file.
"""

from __future__ import annotations

import re

_MACRO = rb"[A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\([^()\n]{0,200}\))?"
_TYPE_START = rb"[A-Za-z_~][\w:<>,*&~ \t]{0,200}[\s*&>:]"

_DISTURBING = (
    # class LIB_API Name {
    re.compile(
        rb"\b(?:class|struct|union)[ \t]+(?P<macro>[A-Z][A-Z0-9_]{2,}(?:\([^()\n]{0,200}\))?)[ \t]+"
        rb"(?=[A-Za-z_]\w*(?:<[^;{}\n]{0,200}>)?\s*(?:final\b\s*)?[:{])"
    ),
    # LIB_INLINE int Name::function(
    re.compile(
        rb"^[ \t]*(?:(?:template[ \t]*<[^\n;{}]{0,200}>|[a-z]\w*)[ \t]+){0,3}"
        rb"(?P<macro>" + _MACRO + rb")[ \t]+"
        rb"(?=" + _TYPE_START + rb"~?[A-Za-z_]\w*[ \t]*\()",
        re.MULTILINE,
    ),
    # function() LIB_NOEXCEPT {
    re.compile(
        rb"\)\s{0,40}(?:const\s{1,40})?(?P<macro>" + _MACRO + rb")"
        rb"(?=\s{0,40}(?:[{;]|override\b|final\b|const\b))"
    ),
    # LIB_BEGIN_NAMESPACE, alone on its line and not the rest of an expression
    re.compile(rb"(?:\A|[^,(|&=+?:<\\\s])\n+[ \t]*(?P<macro>" + _MACRO + rb")[ \t]*(?=\r?\n)"),
)
_CONDITION = re.compile(
    rb"^[ \t]*#[ \t]*(?P<word>if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b"
)


def without_macros(data: bytes) -> bytes:
    """Blank out macros that are attributes or that open or close a scope.

    :param data: a C or C++ file.
    """
    for pattern in _DISTURBING:
        data = pattern.sub(_blank, data)
    return data


def without_conditions(data: bytes) -> bytes:
    """Blank out ``#if`` lines and all branches but the first: a brace that is opened in several
    branches is closed only once.

    :param data: a C or C++ file.
    """
    lines = data.split(b"\n")
    skipped: list[bool] = []  # for each open condition: is this branch blanked out?
    blanked = 0  # how many are; asked for each line, where there may be thousands of conditions
    continued = False
    for row, line in enumerate(lines):
        match = None if continued else _CONDITION.match(line)
        word = match["word"] if match else b""
        directive = bool(match) or (continued and not lines[row - 1].strip())
        if word.startswith(b"if"):
            skipped.append(False)
        elif word.startswith(b"el") and skipped:
            blanked += not skipped[-1]
            skipped[-1] = True
        elif word == b"endif" and skipped:
            blanked -= skipped.pop()
        continued = line.endswith(b"\\") and directive
        if directive or blanked:
            lines[row] = b" " * len(line)
    return b"\n".join(lines)


def _blank(match: re.Match[bytes]) -> bytes:
    start, end = match.start("macro") - match.start(), match.end("macro") - match.start()
    text = match.group()
    return text[:start] + b" " * (end - start) + text[end:]
