"""Cuts a single line that exceeds the embedding window."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_SEPARATORS = " \t,;>})]"


def pieces(line: str, max_chars: int, fits: Callable[[str], bool]) -> Iterator[str]:
    """Cut a line into pieces that fit; joined, they are the line again.

    A piece ends after a separator if there is one in its last quarter. A single character is
    never cut, so it is the only piece that may not fit.

    :param max_chars: the maximum of characters in a piece.
    """
    start = 0
    length = len(line)
    size = max_chars
    while start < length:
        end = min(length, start + size)
        piece = line[start:end]
        while end - start > 1 and not fits(piece):
            size = max(1, (end - start) * 2 // 3)
            end = start + size
            piece = line[start:end]
        if end < length:
            best = max(
                line.rfind(separator, end - (end - start) // 4, end) for separator in _SEPARATORS
            )
            if best > start:
                end = best + 1
                piece = line[start:end]
        yield piece
        start = end
        size = min(max_chars, size + size // 4 + 1)
