"""Cuts files along their syntax trees into runs of whole lines that fit the embedding window."""

from __future__ import annotations

from collections.abc import Callable

from harness.chunking.detection import detect_language
from harness.chunking.headings import section_outline
from harness.chunking.labels import Labeler
from harness.chunking.languages.spec import Structure
from harness.chunking.long_lines import pieces
from harness.chunking.measure import (
    CAREFUL_TOKEN_BUDGET,
    TOKEN_BUDGET,
    fits_by_estimate,
    line_sizes,
)
from harness.chunking.outline import Outline, Scope
from harness.chunking.packing import Border
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
    without the last newline. A line is cut only if it does not fit on its own: its pieces carry
    the same line number and together hold every character of the line.

    :param path: decides the language, together with the content (see
        :func:`harness.chunking.detection.detect_language`).
    :param max_chars: the maximum of non-whitespace characters in a chunk.
    :param fits: exact check that a text fits the embedding window (header included, if the
        caller adds one); None uses a conservative estimate for a window of 256 word pieces. A
        single character that does not fit is kept anyway.
    """
    if not text.strip():
        return []
    language = detect_language(path, text)
    lines = text.split("\n")
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
    labeler = Labeler(language, scopes, names, prefix, outline is not None)
    chunks: list[Chunk] = []
    for low, high in Splitter(lines, prefix, borders, outline, fits).ranges():
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
                )
            )
    return chunks
