"""Borders without a syntax tree: those of langchain's recursive splitter, or any line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.chunking.packing import Border

_LINE = 1.0
_LINE_AFTER_BLANK = 0.7
_PER_INDENT = 0.02


def line_borders(lines: Sequence[str], start: int, end: int, level: int) -> list[Border]:
    """A border at every row after ``start``: cheapest after blank lines and at shallow
    indentation, most expensive at closing brackets."""
    borders = []
    for row in range(start + 1, end):
        line = lines[row]
        text = line.lstrip()
        if not text:
            continue
        price = _LINE if lines[row - 1].strip() else _LINE_AFTER_BLANK
        price += _PER_INDENT * min(len(line) - len(text), 40)
        if text[0] in ")]}":
            price += _LINE
        borders.append(Border(row, level, price))
    return borders


def recursive_borders(text: str, lines: Sequence[str], max_chars: int) -> list[Border]:
    """The line borders at which langchain's RecursiveCharacterTextSplitter cuts ``text``, told to
    keep separators at the end and to overlap nothing: paragraphs first, then lines."""
    borders = []
    row = 0
    for piece in _pieces(text, ("\n\n", "\n"), max(1, max_chars // 3)):
        if row and row < len(lines):
            after_blank = not lines[row - 1].strip()
            borders.append(Border(row, 1, 0.1 if after_blank else 0.5))
        row += piece.count("\n")
    return borders


def _pieces(text: str, separators: Sequence[str], size: int) -> Iterator[str]:
    """Parts that end in the first separator that the text has, joined as long as they are no
    longer than ``size``; what is as long is cut by the separators that follow. Written here because
    importing the splitter takes a quarter of a second of each process that reads files."""
    known = [number for number, separator in enumerate(separators) if separator in text]
    if not known:
        if text:
            yield text
        return
    separator, finer = separators[known[0]], separators[known[0] + 1 :]
    *ended, last = text.split(separator)
    joined: list[str] = []
    length = 0
    for part in (*(part + separator for part in ended), last):
        is_long = len(part) >= size
        if joined and (is_long or length + len(part) > size):
            yield "".join(joined)
            joined, length = [], 0
        if is_long:
            yield from _pieces(part, finer, size)
        else:
            joined.append(part)
            length += len(part)
    if length:
        yield "".join(joined)
