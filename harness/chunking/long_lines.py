"""One line that exceeds the window, cut within the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_SEPARATORS = " \t,;>})]"


def pieces(line: str, max_chars: int, fits: Callable[[str], bool]) -> Iterator[str]:
    """Cut a line into texts that fit; together they are the line, character by character.

    The cut is after a separator when there is one in the last quarter. A single character is
    never cut, so that it is the only text that may not fit.

    :param max_chars: non-whitespace characters of a piece at most.
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
