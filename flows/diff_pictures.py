"""A patch in colours for the pages of artifacts: an SVG inside the page, which loads nothing.

Prefect's page shows a block of ``diff`` in one colour, and takes every style out of HTML.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from itertools import islice

from harness.workspace.diffs import DiffLine, read_diff

# Prefect's column is 725 pixels wide in a window of 1280, in its newer interface 585, where the
# picture is made smaller and can still be read. A monospaced letter of 12 pixels is 7.2 wide.
_WIDTH, _ROW, _GUTTER, _LETTER = 700, 18, 52, 7.22
_MOST_CHARS = int((_WIDTH - _GUTTER) / _LETTER) - 1
# An artifact is a row of Prefect's database, and a longer patch is read in an editor.
_MOST_ROWS = 150
# Its own ground, since Prefect's pages are light or dark as each reader has chosen.
_GROUND, _FILE = "#0d1117", "#21262d"
_GROUNDS = {"add": "#12361f", "del": "#4a1a1d"}
_COLOURS = {"add": "#aff5b4", "del": "#ffdcd7", "same": "#c9d1d9", "hunk": "#79c0ff"}
_QUIET = "#8b949e"
_MARKS = {"add": "+", "del": "\u2212"}


def coloured(patch: str) -> str:
    """A Markdown picture of a unified diff, its first :data:`_MOST_ROWS` rows; empty without any.

    Nothing is redacted here. What cannot be seen is escaped, so that a line reads as git has it.
    """
    rows = list(islice(_rows(patch), _MOST_ROWS + 1))
    if not rows:
        return ""
    if len(rows) > _MOST_ROWS:
        rows[_MOST_ROWS:] = [_words(_GUTTER, "\u2026 and more, in the patch", _QUIET)]
    height = _ROW * len(rows) + 8
    drawn = "".join(
        f'<g transform="translate(0,{_ROW * number + 4})">{row}</g>'
        for number, row in enumerate(rows)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" shape-rendering="crispEdges"><style>text{{font:12px '
        f'ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}}</style>'
        f'<rect width="{_WIDTH}" height="{height}" fill="{_GROUND}"/>{drawn}</svg>'
    )
    data = base64.b64encode(svg.encode()).decode()
    return f"![The patch in colours](data:image/svg+xml;base64,{data})"


def _rows(patch: str) -> Iterator[str]:
    for file in read_diff(patch):
        counts = f"  +{file.added} \u2212{file.deleted}"
        yield f'<rect width="{_WIDTH}" height="{_ROW}" fill="{_FILE}"/>' + _words(
            8, _shown(file.path, _MOST_CHARS - len(counts)) + counts, "#ffffff"
        )
        for line in file.lines:
            yield _line(line)


def _line(line: DiffLine) -> str:
    ground = _GROUNDS.get(line.kind, "")
    back = f'<rect width="{_WIDTH}" height="{_ROW}" fill="{ground}"/>' if ground else ""
    number = line.old if line.kind == "del" else line.new
    gutter = _words(_GUTTER - 16, str(number), _QUIET, end=True) if number else ""
    text = f"{_MARKS.get(line.kind, ' ')} {_shown(line.text, _MOST_CHARS - 2)}"
    return f"{back}{gutter}{_words(_GUTTER - 8, text, _COLOURS.get(line.kind, _QUIET))}"


def _words(x: float, text: str, colour: str, *, end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:g}" y="13" fill="{colour}"{anchor}>{escape(text, quote=False)}</text>'


def _shown(text: str, most: int) -> str:
    """What is no letter is escaped: XML has no control characters, and marks that turn the
    direction of writing would show another line than the one that is applied."""
    text = text.rstrip("\r").expandtabs(4)
    seen = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[: most + 1])
    return seen if len(seen) <= most else f"{seen[: most - 1]}\u2026"
