"""Bars for the pages of artifacts: a small SVG inside the page itself, which loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

_WIDTH, _LABEL, _ROW, _BAR = 680, 150, 24, 16
_MAX_ROWS = 12
# Both can be read on Prefect's light and dark pages.
_FILL, _TEXT = "#3b82f6", "#737d8c"


def bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """A Markdown picture with a bar for each value, in the order given; empty without any.

    :param title: shown above, and read aloud instead of the picture.
    :param unit: stands behind each number.
    """
    rows = [(label, value) for label, value in values.items() if value > 0]
    if not rows:
        return ""
    shown, rest = rows[:_MAX_ROWS], rows[_MAX_ROWS:]
    if rest:
        shown.append((f"{len(rest)} more", sum(value for _, value in rest)))
    largest = max(value for _, value in shown)
    height = _ROW * (len(shown) + 1)
    parts = [_text(0, _ROW - 8, title, bold=True)]
    for number, (label, value) in enumerate(shown, 1):
        top = _ROW * number
        length = max(1.0, value / largest * (_WIDTH - _LABEL - 110))
        parts.append(_text(0, top + 13, label))
        parts.append(
            f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" '
            f'fill="{_FILL}"/>'
        )
        parts.append(_text(_LABEL + length + 8, top + 13, f"{_number(value)} {unit}".strip()))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}">{"".join(parts)}</svg>'
    )
    data = base64.b64encode(svg.encode()).decode()
    return f"![{title}](data:image/svg+xml;base64,{data})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def _text(x: float, y: float, words: str, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y}" font-family="sans-serif" font-size="13" fill="{_TEXT}"'
        f"{weight}>{escape(words)}</text>"
    )
