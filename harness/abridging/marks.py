"""The words that stand where something was left out."""

from __future__ import annotations

import re

_MARK = re.compile(r"\[… [\d,]+ (?:characters|lines) of data left out …\]")


def characters_left_out(count: int) -> str:
    """Stands within a line."""
    return f"[… {count:,} characters of data left out …]"


def lines_left_out(count: int) -> str:
    """Stands for whole lines, in the first of them."""
    return f"[… {count:,} lines of data left out …]"


def without_marks(text: str) -> str:
    """Only what is there, to tell whether anything is."""
    return _MARK.sub("", text)
