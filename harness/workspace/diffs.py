"""Reads a unified diff for showing it. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_FILE = re.compile(r'(?:---|\+\+\+) (?:"?[ab]/)?(.*?)"?(?:\t.*)?')


@dataclass(frozen=True, slots=True)
class DiffLine:
    """``kind`` is ``add``, ``del``, ``same``, ``hunk`` or ``note``; ``old`` and ``new`` are its
    numbers, None where it has none."""

    kind: str
    text: str
    old: int | None = None
    new: int | None = None


@dataclass(frozen=True, slots=True)
class DiffFile:
    """The changes of one file, with how many lines came and went."""

    path: str
    lines: tuple[DiffLine, ...]
    added: int
    deleted: int


def read_diff(text: str) -> list[DiffFile]:
    """The files of a diff, in its order. What is no diff is shown as notes."""
    files: list[tuple[str, list[DiffLine]]] = []
    old = new = left_old = left_new = 0
    for line in text.rstrip("\n").split("\n") if text else ():
        if left_old > 0 or left_new > 0:
            mark, rest = line[:1], line[1:]
            if mark == "\\":
                files[-1][1].append(DiffLine("note", rest.strip()))
            elif mark == "+":
                files[-1][1].append(DiffLine("add", rest, None, new))
                new, left_new = new + 1, left_new - 1
            elif mark == "-":
                files[-1][1].append(DiffLine("del", rest, old))
                old, left_old = old + 1, left_old - 1
            else:
                files[-1][1].append(DiffLine("same", rest, old, new))
                old, new = old + 1, new + 1
                left_old, left_new = left_old - 1, left_new - 1
            continue
        hunk = _HUNK.match(line)
        begins = line.startswith("diff --git ")
        # Without git's own lines a file begins with its names.
        if begins or not files or (line.startswith("--- ") and files[-1][1]):
            files.append((_git_path(line), []))
        if begins:
            continue
        if hunk:
            old, new = int(hunk[1]), int(hunk[3])
            left_old = int(hunk[2]) if hunk[2] is not None else 1
            left_new = int(hunk[4]) if hunk[4] is not None else 1
            files[-1][1].append(DiffLine("hunk", line))
        elif line.startswith(("--- ", "+++ ")):
            path = _FILE.fullmatch(line)
            if path and path[1] != "/dev/null":
                files[-1] = (path[1], files[-1][1])
        elif not line.startswith("index "):
            files[-1][1].append(DiffLine("note", line))
    return [
        DiffFile(
            path or "changes",
            tuple(lines),
            sum(line.kind == "add" for line in lines),
            sum(line.kind == "del" for line in lines),
        )
        for path, lines in files
        if path or lines
    ]


def _git_path(line: str) -> str:
    return line.rpartition(" b/")[2].rstrip('"') if line.startswith("diff --git ") else ""
