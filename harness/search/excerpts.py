"""The lines of a hit that are worth showing."""

from __future__ import annotations

from harness.models import lexical
from harness.search import query
from harness.search.mentions import line_named
from harness.types import Hit

_LINES_SHOWN = 14


def shorten(question: str, hit: Hit, lines_shown: int = _LINES_SHOWN) -> tuple[int, list[str]]:
    """Return the window of a passage around the line that the question names, or else the one that
    shares most words with it.

    Lines of a notebook that was written on one line all have its number.

    :returns: number of its first line, and its lines.
    """
    lines = hit.text.split("\n")
    if len(lines) <= lines_shown:
        return hit.start_line, lines
    question = query.readable(question)
    named = line_named(question, hit)
    if named:
        at = max(0, min(named - hit.start_line - lines_shown // 2, len(lines) - lines_shown))
        return hit.start_line + at, lines[at : at + lines_shown]
    wanted = set(lexical.words(question))
    scores = [len(wanted & set(lexical.words(line))) for line in lines]
    # A definition's first lines say what it is: they win a tie, and get a small head start. The
    # first line alone gets none, for it may be a decorator.
    start = int(lines_shown > 1)
    best = max(
        range(len(lines) - lines_shown + 1),
        key=lambda at: (sum(scores[at : at + lines_shown]) + start * (at == 0), -at),
    )
    return min(hit.start_line + best, hit.end_line), lines[best : best + lines_shown]
