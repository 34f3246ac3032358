"""Borders without a syntax tree: those of langchain's recursive splitter, or any line."""

from __future__ import annotations

from collections.abc import Sequence

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
    """The line borders at which langchain's RecursiveCharacterTextSplitter cuts ``text``:
    paragraphs first, then lines."""
    # Takes 0.3 s to import, and only files without a syntax tree need it.
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n"],
        keep_separator="end",
        strip_whitespace=False,
        chunk_size=max(1, max_chars // 3),
        chunk_overlap=0,
    )
    borders = []
    row = 0
    for piece in splitter.split_text(text):
        if row and row < len(lines):
            after_blank = not lines[row - 1].strip()
            borders.append(Border(row, 1, 0.1 if after_blank else 0.5))
        row += piece.count("\n")
    return borders
