"""A file put together from its chunks."""

from __future__ import annotations

from harness.search.indexed_file import lines_of
from harness.types import Chunk


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


def test_nothing_of_nothing() -> None:
    assert lines_of([]) == []
