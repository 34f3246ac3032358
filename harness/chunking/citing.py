"""Whether a file still holds the lines that a chunk showed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.abridging.abridge import abridge, suffix_of
from harness.chunking.notebooks import SUFFIX, read_notebook


def holds_lines(path: str, text: str, start: int, end: int, lines: Sequence[str]) -> bool:
    """Tell whether a file has exactly these lines there, trailing blanks aside.

    As a chunk has them: without data, and a notebook's as lines of its cells.

    :param text: the whole file, as it is now.
    :param start: number of the first line, from 1.
    :param end: number of the last line.
    """
    wanted = [line.rstrip() for line in lines]
    if _hold(text.split("\n")[start - 1 : end], wanted):
        return True
    cells = read_notebook(text) if suffix_of(path) == SUFFIX else None
    if cells is None:
        return _hold(abridge(path, text).lines[start - 1 : end], wanted)
    for cell in cells:
        held = abridge(f"cell.{cell.extension}", "\n".join(cell.lines)).lines
        pairs = zip(held, cell.rows, strict=True)
        there = [line for line, row in pairs if start <= row + 1 <= end]
        if any(_hold(there[at : at + len(wanted)], wanted) for at in range(len(there))):
            return True
    return False


def _hold(lines: Sequence[str], wanted: Sequence[str]) -> bool:
    found = [line.rstrip() for line in lines]
    # A chunk may be a part of a long line.
    return found == wanted or (
        len(found) == len(wanted) == 1 and bool(wanted[0]) and wanted[0] in found[0]
    )
