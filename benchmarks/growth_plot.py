"""A line over sizes that grow by powers of ten, as SVG, with the band around its middle that it is
meant to stay in."""

from __future__ import annotations

import math
from collections.abc import Sequence

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 20, 50
_BAND = 0.25


def draw(points: Sequence[tuple[float, float]], across: str, up: str) -> str:
    """Draw points.

    :param points: sizes, which must be positive, and what was measured at each.
    :param across: what the sizes are.
    :param up: what was measured.
    """
    values = [value for _, value in points]
    middle = (min(values) + max(values)) / 2
    highest = max(*values, middle * (1 + _BAND)) * 1.15
    first = math.floor(min(math.log10(size) for size, _ in points))
    last = math.ceil(max(math.log10(size) for size, _ in points))
    last = max(last, first + 1)

    def x(size: float) -> float:
        share = (math.log10(size) - first) / (last - first)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - value / highest * (_HEIGHT - _TOP - _BOTTOM), 1)

    floor, right = y(0), _WIDTH - _RIGHT
    top, bottom = y(middle * (1 + _BAND)), y(middle * (1 - _BAND))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<rect x="{_LEFT}" y="{top}" width="{right - _LEFT}" height="{bottom - top:.1f}" '
        'fill="#e6eef8"/>',
        f'<path d="M{_LEFT} {_TOP}V{floor}H{right}" fill="none" stroke="#555"/>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{across}</text>',
        f'<text transform="translate(16 {(_TOP + floor) / 2}) rotate(-90)" '
        f'text-anchor="middle">{up}</text>',
        f'<text x="{right - 6}" y="{top + 16}" text-anchor="end" fill="#456">'
        f"{middle:.0f} ± {_BAND:.0%}</text>",
    ]
    for power in range(first, last + 1):
        parts.append(
            f'<text x="{x(10**power)}" y="{floor + 18}" text-anchor="middle">{10**power:,}</text>'
        )
    line = " ".join(f"{x(size)},{y(value)}" for size, value in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    for size, value in points:
        parts.append(f'<circle cx="{x(size)}" cy="{y(value)}" r="4" fill="#1f5fa8"/>')
        parts.append(
            f'<text x="{x(size)}" y="{y(value) - 10}" text-anchor="middle">{value:.0f}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
