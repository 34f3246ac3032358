"""A file put together from its chunks."""

from __future__ import annotations

import numpy as np

from harness.chunking.chunker import chunk_text
from harness.search.indexed_file import lines_of
from harness.store.payload import chunk_of, to_payload
from harness.types import Chunk, ChunkPoint, SparseVector


def chunk(start: int, text: str) -> Chunk:
    end = start + text.count("\n")
    return Chunk(text, start, end, "python", "", "module")


def test_lines_are_where_they_were_and_what_no_chunk_has_is_empty() -> None:
    assert lines_of([chunk(5, "e"), chunk(2, "b\nc")]) == ["", "b", "c", "", "e"]


def test_overlapping_chunks_give_each_line_once() -> None:
    assert lines_of([chunk(1, "a\nb"), chunk(2, "b\nc")]) == ["a", "b", "c"]


def test_no_line_comes_after_the_end_of_its_chunk() -> None:
    # A notebook is one line of its file, and many of its text.
    assert lines_of([Chunk("x\ny\nz", 1, 1, "python", "", "module")]) == ["x"]


def test_a_line_that_was_cut_is_whole_in_whatever_order_its_pieces_come() -> None:
    pages = range(60)
    line = " ".join(f"Whoever reads page {n} learns how {n * 7} doors open." for n in pages)
    text = f"first\n{line}\nlast\n"
    chunks = chunk_text("a.md", text)
    assert len([one for one in chunks if one.start_line == 2]) > 3
    stored = [chunk_of(to_payload(point_of(one)))[1] for one in chunks]
    assert lines_of(reversed(stored)) == ["first", line, "last"]


def point_of(chunk: Chunk) -> ChunkPoint:
    vector = np.zeros(1, dtype=np.float32)
    return ChunkPoint("i", "r", "a.md", chunk, "c", "e", "b", vector, SparseVector((), ()))


def test_nothing_of_nothing() -> None:
    assert lines_of([]) == []
