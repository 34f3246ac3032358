"""Turns borders into row ranges that fit the window: packs, and splits again what does not fit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from harness.chunking.outline import Outline, Whole
from harness.chunking.packing import Border, pack
from harness.chunking.plain import line_borders

# By how much the budget shrinks when a chunk has more tokens than its size suggested.
_SHRINK = 0.7
# Nodes above this share of it are descended then, for more borders to choose from.
_DESCEND = 0.4


class Splitter:
    """Cuts a file's rows into ranges.

    :param borders: of the whole file, ascending, without row 0.
    :param outline: descends nodes that were left whole; None without a syntax tree.
    :param fits: whether a text fits the embedding window; None relies on the sizes.
    """

    def __init__(
        self,
        lines: Sequence[str],
        prefix: Sequence[float],
        borders: Sequence[Border],
        outline: Outline | None,
        fits: Callable[[str], bool] | None,
    ) -> None:
        self._lines = lines
        self._prefix = prefix
        self._borders = list(borders)
        self._rows = [border.row for border in borders]
        self._outline = outline
        wholes = outline.wholes if outline else []
        self._wholes = sorted(wholes, key=lambda whole: whole.start)
        self._whole_starts = [whole.start for whole in self._wholes]
        self._fits = fits

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Row ranges in order: 0-based, inclusive, without blank lines at either end. Only a range
        of a single row may not fit."""
        cuts = self._cut(0, len(self._lines), 1.0, self._borders)
        for low, high in self._trimmed(cuts, len(self._lines)):
            if low == high or self._rows_fit(low, high):
                yield low, high
                continue
            borders = self._borders[
                bisect_left(self._rows, low + 1) : bisect_left(self._rows, high + 1)
            ]
            # Sorted by start, which suffices: a node that contains the range was not left whole.
            wholes = self._wholes[
                bisect_left(self._whole_starts, low) : bisect_left(self._whole_starts, high)
            ]
            yield from self._again(low, high, borders, wholes)

    def _rows_fit(self, low: int, high: int) -> bool:
        if self._fits is None:
            return self._prefix[high + 1] - self._prefix[low] <= 1.0 + 1e-9
        return self._fits("\n".join(self._lines[low : high + 1]))

    def _again(
        self, low: int, high: int, borders: list[Border], wholes: list[Whole]
    ) -> Iterator[tuple[int, int]]:
        """Split a range whose text does not fit; every round cuts it in two at least."""
        stack = [(low, high, borders, wholes)]
        while stack:
            low, high, borders, wholes = stack.pop()
            if low == high or self._rows_fit(low, high):
                yield low, high
                continue
            budget = _SHRINK * (self._prefix[high + 1] - self._prefix[low])
            borders, wholes = self._refined(low, high, budget, borders, wholes)
            cuts = self._cut(low, high + 1, budget, borders)
            if len(cuts) < 2:
                cuts = [low, (low + high + 1) // 2]
            parts = [
                (
                    first,
                    last,
                    [border for border in borders if first < border.row <= last],
                    [whole for whole in wholes if first <= whole.start and whole.end <= last],
                )
                for first, last in self._trimmed(cuts, high + 1)
            ]
            stack.extend(reversed(parts))

    def _refined(
        self, low: int, high: int, budget: float, borders: list[Border], wholes: list[Whole]
    ) -> tuple[list[Border], list[Whole]]:
        if self._outline is None:
            return borders, wholes
        prefix = self._prefix
        left: list[Whole] = []
        self._outline.borders = {border.row: border for border in borders}
        for whole in wholes:
            if prefix[whole.end + 1] - prefix[whole.start] > _DESCEND * budget:
                left.extend(self._outline.refine(whole, _DESCEND * budget))
            else:
                left.append(whole)
        found = [border for row, border in self._outline.borders.items() if low < row <= high]
        found.sort(key=lambda border: border.row)
        left.sort(key=lambda whole: whole.start)
        return found, left

    def _cut(self, start: int, end: int, budget: float, borders: list[Border]) -> list[int]:
        """Rows at which the chunks of ``start..end`` begin."""
        prefix = self._prefix
        complete = [Border(start, 0, 0.0)]
        bounds = [*borders, Border(end, 0, 0.0)]
        for border in bounds:
            last = complete[-1]
            if border.row - last.row > 1 and prefix[border.row] - prefix[last.row] > budget:
                complete.extend(line_borders(self._lines, last.row, border.row, last.level + 20))
            complete.append(border)
        complete.pop()
        return pack(complete, end, prefix, budget)

    def _trimmed(self, cuts: Sequence[int], end: int) -> Iterator[tuple[int, int]]:
        """The ranges between cuts without the blank lines around them."""
        lines = self._lines
        bounds = [*cuts, end]
        for index, low in enumerate(cuts):
            high = bounds[index + 1] - 1
            while low <= high and not lines[low].strip():
                low += 1
            while high >= low and not lines[high].strip():
                high -= 1
            if low <= high:
                yield low, high
