"""Borders and scopes of Markdown, taken from its headings instead of a syntax tree."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.chunking.languages.spec import Kind
from harness.chunking.outline import Scope
from harness.chunking.packing import Border

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t\r]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t\r]*$")

_KEEP_SECTION = 0.3


def headings(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """``(row, depth 1-6, title)`` of every heading outside code fences and front matter."""
    found: list[tuple[int, int, str]] = []
    fence = ""
    first = 0
    if lines and lines[0].rstrip() == "---":
        for row in range(1, min(len(lines), 200)):
            if lines[row].rstrip() in ("---", "..."):
                first = row + 1
                break
    for row in range(first, len(lines)):
        line = lines[row]
        marker = _FENCE.match(line)
        if fence:
            if marker and marker[1].startswith(fence) and not line.strip(" \t\r`~"):
                fence = ""
            continue
        if marker:
            fence = marker[1]
            continue
        heading = _ATX.match(line)
        if heading:
            found.append((row, len(heading[1]), heading[2].strip()))
        elif row > first and _UNDERLINE.match(line):
            title = lines[row - 1].strip()
            if (
                title
                and not title.startswith(("#", ">", "-", "*", "|", "="))
                and (row < first + 2 or not lines[row - 2].strip())
            ):
                found.append((row - 1, 1 if "=" in line else 2, title))
    return found


def section_outline(
    lines: Sequence[str], prefix: Sequence[float]
) -> tuple[list[Border], list[Scope]]:
    """Borders at headings and paragraphs, and one scope per section."""
    found = headings(lines)
    borders: dict[int, Border] = {}
    scopes: list[Scope] = []
    path: list[tuple[int, str]] = []
    ends = _section_ends(found, len(lines))
    for (row, depth, title), end in zip(found, ends, strict=True):
        while path and path[-1][0] >= depth:
            path.pop()
        path.append((depth, title))
        scopes.append(Scope(row, end, tuple(name for _, name in path), Kind.SECTION))
        size = min(1.0, (prefix[end + 1] - prefix[row]) / 0.3)
        borders[row] = Border(row, depth, 0.0, _KEEP_SECTION * size * size)
    level = 0
    fence = False
    for row in range(1, len(lines)):
        if row in borders:
            level = borders[row].level
            continue
        line = lines[row]
        blank_above = not lines[row - 1].strip()
        if blank_above and line.strip():
            borders[row] = Border(row, level + 7, 1.0 if fence else 0.35)
        if _FENCE.match(line):
            fence = not fence
    return sorted(borders.values(), key=lambda border: border.row), scopes


def _section_ends(found: Sequence[tuple[int, int, str]], rows: int) -> list[int]:
    """The last row of each section: the one above the next heading that is not deeper."""
    ends = [rows - 1] * len(found)
    following: list[tuple[int, int]] = []
    for index in range(len(found) - 1, -1, -1):
        row, depth, _ = found[index]
        while following and following[-1][1] > depth:
            following.pop()
        if following:
            ends[index] = following[-1][0] - 1
        following.append((row, depth))
    return ends
