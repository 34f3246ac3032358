"""Passages of code as a model is shown them: numbered lines below a heading with their place, cut
to the lines that have to do with what was asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from harness.agent.claim_words import stems_in, wanted_stems
from harness.agent.tools.tool import cut_line
from harness.repository.credentials import redact
from harness.types import Hit

HIT_LINES = 14
# Stands where lines were left out.
CUT = "       …"
# The first lines of a definition say what it is.
_HEAD_LINES = 2
# Names of code count as a whole: the parts of max_age are too short to tell anything.
_NAME = re.compile(r"\b[A-Za-z]+_\w+\b")
_NEIGHBOURS = {0: 1.0, 1: 0.5, 2: 0.25}


def passage_of_hit(hit: Hit, query: str, max_chars: int = 4_000) -> str:
    """Return a search's passage with its line numbers, cut to the lines that have the query's
    words; empty when there is no room."""
    # Before lines are left out, which would take a key apart. A notebook that was written on one
    # line has its number on all of them.
    lines = redact(hit.text).split("\n")
    return passage_of(
        hit.path, hit.symbol, hit.start_line, lines, query,
        max_chars=max_chars, max_lines=HIT_LINES, last=hit.end_line,
    )  # fmt: skip


def passage_of(
    path: str, name: str, start: int, lines: Sequence[str], query: str, *,
    max_chars: int, max_lines: int = 1_000, last: int = 0,
) -> str:  # fmt: skip
    """Return numbered lines below a heading with their place.

    :param start: the number of the first line.
    :param last: the largest number of a line; 0: that of the last one.
    :returns: empty when not even the first lines have room.
    """
    end = last or start + len(lines) - 1
    heading = f"{path}:{start}-{end}" + (f" ({name})" if name else "")
    rows = [f"{min(start + offset, end):>5}| {cut_line(line)}" for offset, line in enumerate(lines)]
    kept = telling_lines(lines, query, [len(row) + 1 for row in rows], max_lines,
                         max_chars - len(heading))  # fmt: skip
    if not kept:
        return ""
    parts, before = [heading], -1
    for offset in kept:
        if offset > before + 1:
            parts.append(CUT)
        parts.append(rows[offset])
        before = offset
    if before + 1 < len(rows):
        parts.append(f"{CUT} to line {end}")
    return "\n".join(parts)


def telling_lines(
    lines: Sequence[str], query: str, sizes: Sequence[int], max_lines: int, max_chars: int
) -> list[int]:
    """Choose the lines to show: the first ones, and those with the query's rarer words and their
    neighbours.

    :param sizes: what each line takes, in characters.
    :returns: their offsets, in order; all of them when they fit.
    """
    if len(lines) <= max_lines and sum(sizes) <= max_chars:
        return list(range(len(lines)))
    wanted = wanted_stems(query)
    names = frozenset(_NAME.findall(query))
    shared = [
        (wanted & stems_in([line])) | (names & frozenset(_NAME.findall(line))) for line in lines
    ]
    spread = Counter(stem for found in shared for stem in found)
    own = [sum(1 / spread[stem] for stem in found) for found in shared]
    scores = [
        sum(
            weight * own[offset + step]
            for distance, weight in _NEIGHBOURS.items()
            for step in {distance, -distance}
            if 0 <= offset + step < len(own)
        )
        for offset in range(len(own))
    ]
    order = sorted(range(len(lines)), key=lambda at: (at >= _HEAD_LINES, -scores[at], at))
    kept: list[int] = []
    for offset in order:
        if len(kept) == max_lines or sizes[offset] > max_chars:
            break
        if lines[offset].strip():
            kept.append(offset)
            max_chars -= sizes[offset]
    return sorted(kept)
