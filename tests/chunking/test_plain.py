"""Borders without a syntax tree are those of the splitter that they are named after."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.chunking.packing import Border
from harness.chunking.plain import recursive_borders

texts = st.lists(st.sampled_from(["\n", "\n\n", " ", "word", "longer words ", "ü" * 9])).map(
    "".join
)


def by_the_splitter(text: str, lines: list[str], max_chars: int) -> list[Border]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n"],
        keep_separator="end",
        strip_whitespace=False,
        chunk_size=max(1, max_chars // 3),
        chunk_overlap=0,
    )
    borders, row = [], 0
    for piece in splitter.split_text(text):
        if row and row < len(lines):
            borders.append(Border(row, 1, 0.5 if lines[row - 1].strip() else 0.1))
        row += piece.count("\n")
    return borders


@pytest.mark.filterwarnings("ignore")
@given(text=texts, max_chars=st.integers(1, 120))
@example(text="\n\n\n\n\nx\n\n", max_chars=9)
def test_borders_are_those_of_the_splitter(text: str, max_chars: int) -> None:
    lines = text.split("\n")
    assert recursive_borders(text, lines, max_chars) == by_the_splitter(text, lines, max_chars)
