"""Cuts files along their syntax trees into runs of whole lines that fit the embedding window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from harness.abridging.abridge import Abridged, abridge, suffix_of
from harness.chunking import notebooks
from harness.chunking.detection import detect_language
from harness.chunking.headings import section_outline
from harness.chunking.labels import Labeler
from harness.chunking.languages.spec import Structure
from harness.chunking.long_lines import pieces
from harness.chunking.marks import borders_at, marked
from harness.chunking.measure import (
    CAREFUL_TOKEN_BUDGET,
    TOKEN_BUDGET,
    fits_by_estimate,
    line_sizes,
)
from harness.chunking.outline import Outline, Scope
from harness.chunking.packing import Border
from harness.chunking.parsing import time_for
from harness.chunking.plain import recursive_borders
from harness.chunking.reading import syntax_tree
from harness.chunking.splitting import Splitter
from harness.types import Chunk


def chunk_text(
    path: str,
    text: str,
    *,
    max_chars: int = 900,
    fits: Callable[[str], bool] | None = None,
) -> list[Chunk]:
    """Cut one file into chunks.

    Every non-blank line is in exactly one chunk, in order; blank lines between chunks are
    dropped. Lines are those of ``text.split("\\n")``; a chunk's text is exactly its lines,
    without the last newline, save for data, where a mark says what was left out
    (:mod:`harness.abridging.abridge`). A line is cut only if it does not fit on its own: its
    pieces carry the same line number and together hold every character of the line.

    A notebook's chunks hold the lines of its cells, under the line numbers of the file. Where a
    file's line holds several of a cell's, they all have its number.

    :param path: decides the language, together with the content (see
        :func:`harness.chunking.detection.detect_language`).
    :param max_chars: the maximum of non-whitespace characters in a chunk.
    :param fits: exact check that a text fits the embedding window (header included, if the
        caller adds one); None uses a conservative estimate for a window of 256 word pieces. A
        single character that does not fit is kept anyway.
    """
    if not text.strip():
        return []
    with time_for(len(text.encode("utf-8", "surrogatepass"))):
        return _chunks(path, text, max_chars, fits)


def _chunks(
    path: str, text: str, max_chars: int, fits: Callable[[str], bool] | None
) -> list[Chunk]:
    if suffix_of(path) == notebooks.SUFFIX:
        cells = notebooks.read_notebook(text)
        if cells is not None:
            return [chunk for cell in cells for chunk in _cell_chunks(cell, max_chars, fits)]
    abridged = abridge(path, text)
    text, lines = abridged.text, abridged.lines
    language = detect_language(path, text)
    data = text.encode("utf-8", "surrogatepass")
    prefix = line_sizes(data, max_chars, TOKEN_BUDGET if fits else CAREFUL_TOKEN_BUDGET)
    check = fits or fits_by_estimate
    borders: list[Border]
    scopes: list[Scope] = []
    names: list[tuple[int, str]] = []
    outline: Outline | None = None
    root = syntax_tree(language, data) if language.structure is Structure.TREE else None
    if root is not None:
        outline = Outline(language, data, lines, prefix)
        outline.read(root, 1.0)
        scopes, names = outline.scopes, outline.names
        borders = sorted(outline.borders.values(), key=lambda border: border.row)
    elif language.structure is Structure.HEADINGS:
        borders, scopes = section_outline(lines, prefix)
    else:
        borders = recursive_borders(text, lines, max_chars)
    if language.marks:
        more_scopes, more_names = marked(lines, language.marks)
        scopes, names = [*scopes, *more_scopes], [*names, *more_names]
        borders = borders_at(more_scopes, borders)
    labeler = Labeler(language, scopes, names, prefix, outline is not None)
    chunks: list[Chunk] = []
    ranges = Splitter(lines, prefix, borders, outline, fits).ranges()
    for low, high in _around(abridged, ranges):
        symbol, kind, definitions = labeler.label(low, high)
        body = "\n".join(lines[low : high + 1])
        if low < high or (prefix[high + 1] - prefix[low] <= 1.0 and check(body)):
            texts = [body]
        else:
            texts = [piece for piece in pieces(body, max_chars, check) if piece]
        for index, piece in enumerate(texts):
            chunks.append(
                Chunk(
                    text=piece,
                    start_line=low + 1,
                    end_line=high + 1,
                    language=language.name,
                    symbol=symbol,
                    kind=kind,
                    definitions=definitions if index == 0 else (),
                    piece=index,
                )
            )
    return chunks


def _cell_chunks(
    cell: notebooks.Cell, max_chars: int, fits: Callable[[str], bool] | None
) -> Iterator[Chunk]:
    text = "\n".join(cell.lines)
    for chunk in chunk_text(f"cell.{cell.extension}", text, max_chars=max_chars, fits=fits):
        start, end = cell.rows[chunk.start_line - 1], cell.rows[chunk.end_line - 1]
        yield replace(chunk, start_line=start + 1, end_line=end + 1)


def _around(abridged: Abridged, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Cut ranges of lines after each mark, so that no chunk holds the empty lines below it."""
    lines, runs = abridged.lines, abridged.runs
    at = 0
    for low, high in ranges:
        while at < len(runs) and runs[at][0] <= high:
            first, last = runs[at]
            at += 1
            if first < low:
                continue
            yield low, first
            low = last + 1
            while low <= high and not lines[low].strip():
                low += 1
        if low <= high:
            yield low, high
