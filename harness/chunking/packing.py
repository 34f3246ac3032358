"""Where to cut: the cheapest set of borders, found by dynamic programming.

With a greedy packer an added line would shift every later border. The optimum changes only near
the edit, so that indexing again embeds only what changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# A chunk below this fraction of the window is penalised, the more the smaller it is.
_COMFORTABLE = 0.7
# The penalty of a chunk that holds the end of one definition and the beginning of the next.
_CROSSING = 0.8
# Items below this size are joined first unless a definition starts there. That bounds the
# number of items in a chunk, and with it the quadratic term of the running time.
_CRUMB = 0.04
_JOINED = 0.25


@dataclass(frozen=True, slots=True)
class Border:
    """A row at which a chunk may start.

    ``level`` is the nesting depth (0 is the file), ``cut`` the price of cutting here, ``keep``
    the price of *not* cutting here.
    """

    row: int
    level: int
    cut: float
    keep: float = 0.0


def pack(borders: Sequence[Border], end: int, prefix: Sequence[float], scale: float) -> list[int]:
    """Choose the rows at which chunks start.

    :param borders: ascending by row; the first one is the start of the range.
    :param end: the row after the last.
    :param prefix: prefix sums of line sizes.
    :param scale: the size of a full chunk; a larger item becomes a chunk of its own.
    """
    borders = _without_crumbs(borders, end, prefix, scale)
    count = len(borders)
    sizes = [prefix[border.row] / scale for border in borders]
    sizes.append(prefix[end] / scale)
    levels = [border.level for border in borders]
    levels[0] = -1
    levels.append(-1)
    cuts = [border.cut for border in borders]
    cuts.append(0.0)
    keeps = [border.keep for border in borders]
    best = [0.0] * (count + 1)
    origin = [0] * (count + 1)
    for stop in range(1, count + 1):
        size_stop, level_stop = sizes[stop], levels[stop]
        kept = 0.0
        crossed = 1 << 30
        chosen = float("inf")
        for start in range(stop - 1, -1, -1):
            size = size_stop - sizes[start]
            if size > 1.0 and start < stop - 1:
                break
            price = best[start] + kept
            if size < _COMFORTABLE:
                lack = 1.0 - size / _COMFORTABLE
                price += lack * lack
            if levels[start] > crossed:
                price += _CROSSING
            if level_stop > crossed:
                price += _CROSSING
            if price < chosen:
                chosen = price
                origin[stop] = start
            kept += keeps[start]
            if levels[start] < crossed:
                crossed = levels[start]
        best[stop] = chosen + cuts[stop]
    rows = []
    position = count
    while position > 0:
        position = origin[position]
        rows.append(borders[position].row)
    rows.reverse()
    return rows


def _without_crumbs(
    borders: Sequence[Border], end: int, prefix: Sequence[float], scale: float
) -> list[Border]:
    """Join tiny items to a neighbour by dropping the more expensive border beside them."""
    crumb, limit = _CRUMB * scale, _JOINED * scale
    kept = [borders[0]]
    for index in range(1, len(borders)):
        border, last = borders[index], kept[-1]
        following = borders[index + 1].row if index + 1 < len(borders) else end
        if (
            border.keep > 0.0
            or prefix[border.row] - prefix[last.row] >= crumb
            or prefix[following] - prefix[last.row] > scale
        ):
            kept.append(border)
        elif (
            len(kept) > 1
            and (border.cut, border.level) < (last.cut, last.level)
            and last.keep == 0.0
            and prefix[border.row] - prefix[kept[-2].row] <= limit
        ):
            kept[-1] = border
    return kept
