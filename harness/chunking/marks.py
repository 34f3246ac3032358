"""What single lines define, for what no syntax tree tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from harness.chunking.languages.spec import Head, Kind
from harness.chunking.outline import Scope
from harness.chunking.packing import Border

_MAX_LINE_CHARS = 200
_KEEP = 0.3


def marked(
    lines: Sequence[str], marks: Sequence[Head]
) -> tuple[list[Scope], list[tuple[int, str]]]:
    """Scopes and names of the lines that one of ``marks`` matches; a scope goes on up to the next
    one.
    """
    scopes: list[Scope] = []
    names: list[tuple[int, str]] = []
    for row, line in enumerate(lines):
        start = line[:_MAX_LINE_CHARS]
        for mark in marks:
            match = re.match(mark.pattern, start)
            if match is None:
                continue
            name = next((group for group in match.groups() if group), "")
            if not name:
                continue
            names.append((row, name))
            if mark.kind is not Kind.NAME:
                if scopes:
                    scopes[-1] = replace(scopes[-1], end=row - 1)
                scopes.append(Scope(row, len(lines) - 1, (name,), mark.kind))
            break
    return scopes, names


def borders_at(scopes: Sequence[Scope], borders: Sequence[Border]) -> list[Border]:
    """``borders`` and one at the beginning of every scope."""
    by_row = {border.row: border for border in borders}
    by_row.update(
        {scope.start: Border(scope.start, 0, 0.0, _KEEP) for scope in scopes if scope.start}
    )
    return [by_row[row] for row in sorted(by_row)]
