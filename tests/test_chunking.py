"""Properties that hold for every chunked file."""

from __future__ import annotations

from harness.chunking import chunk_text


def test_lines_are_covered_in_order() -> None:
    text = "import os\n\n\ndef f():\n    return 1\n"
    (chunk,) = chunk_text("a.py", text)
    assert (chunk.start_line, chunk.end_line) == (1, 5)
    assert chunk.definitions == ("f",)
