"""Finds the one place in a text that an edit means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from harness.errors import UsageError

_NUMBERED = re.compile(r"^\s*\d+\| ?")


def replace_once(text: str, search: str, replace: str, path: str) -> str:
    """Replace the only occurrence of a text.

    Tried in this order: exactly as given; without the line numbers that read_file adds; ignoring
    blanks at line ends. Indentation is never guessed.

    :param path: the file's name, for messages.
    :raises UsageError: it does not occur, or more than once; the message shows where to look.
    """
    if text.count(search) == 1:
        if not replace and f"{search}\n" in text and not search.endswith("\n"):
            search += "\n"  # deleting a line leaves no empty one behind
        return text.replace(search, replace)
    if text.count(search) > 1:
        raise _ambiguous(text, search, path)
    lines = search.strip("\n").split("\n")
    if all(_NUMBERED.match(line) for line in lines):
        lines = [_NUMBERED.sub("", line) for line in lines]
        replace = "\n".join(_NUMBERED.sub("", line) for line in replace.split("\n"))
    wanted = [line.rstrip() for line in lines]
    have = text.split("\n")
    places = [
        start
        for start in range(len(have) - len(wanted) + 1)
        if [line.rstrip() for line in have[start : start + len(wanted)]] == wanted
    ]
    if len(places) > 1:
        raise _ambiguous(text, "\n".join(lines), path)
    if not places:
        raise UsageError(f"{path}: the search text does not occur. {_closest(have, wanted)}")
    new = replace.strip("\n").split("\n") if replace else []
    return "\n".join([*have[: places[0]], *new, *have[places[0] + len(wanted) :]])


def _ambiguous(text: str, search: str, path: str) -> UsageError:
    first = search.strip("\n").split("\n")[0].strip()
    numbers = [
        str(number) for number, line in enumerate(text.split("\n"), start=1) if first in line
    ]
    return UsageError(
        f"{path}: the search text occurs more than once (lines {', '.join(numbers[:10])}); add "
        "lines before or after it"
    )


def _closest(have: Sequence[str], wanted: Sequence[str]) -> str:
    first = next((line for line in wanted if line.strip()), "")
    close = difflib.get_close_matches(first, have[:5000], 1, 0.5)
    if not close:
        return "Read the file again and copy the lines exactly."
    start = have.index(close[0])
    shown = "\n".join(have[start : start + min(len(wanted), 12)])
    return f"Closest, from line {start + 1}; copy exactly:\n{shown}"
