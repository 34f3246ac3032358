"""Lines of a place that probably make the wrong value which a failure shows."""

from __future__ import annotations

import re

MAX_SUSPECTS = 2
_VALUE = re.compile(r"'([^'\n]{2,60})'|\"([^\"\n]{2,60})\"")
_WORD = re.compile(r"[A-Za-z]{3,}")
_STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`")


def suspects_in(text: str, essence: str) -> list[str]:
    """Return the lines whose texts hold a word of a quoted value in the failure, stripped; nothing
    when many do.

    Seen in one answer only: a model of 1.5 billion parameters that was told to find the line found
    it, and without that changed another one.
    """
    values = " ".join(a or b for a, b in _VALUE.findall(essence))
    words = set(_WORD.findall(values))
    lines = []
    for line in text.split("\n"):
        literals = " ".join(_STRING.findall(line))
        if words & set(_WORD.findall(literals)):
            lines.append(line.strip())
    return lines if len(lines) <= MAX_SUSPECTS else []
