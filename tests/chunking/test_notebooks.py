"""Notebooks are cut by cell, without outputs, under the line numbers of the file."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest

from harness.chunking.chunker import chunk_text
from harness.chunking.citing import holds_lines
from harness.chunking.notebooks import read_notebook

_PICTURE = base64.b64encode(random.Random(1).randbytes(100_000)).decode()


def notebook(*cells: dict[str, Any], language: str = "python") -> dict[str, Any]:
    return {
        "cells": list(cells),
        "metadata": {"kernelspec": {"name": "k", "language": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def code(*source: str) -> dict[str, Any]:
    output = {"output_type": "display_data", "data": {"image/png": _PICTURE}, "metadata": {}}
    return {"cell_type": "code", "metadata": {}, "outputs": [output], "source": list(source)}


def markdown(*source: str) -> dict[str, Any]:
    picture = {"a.png": {"image/png": _PICTURE}}
    return {"cell_type": "markdown", "attachments": picture, "source": list(source)}


_CELLS = (
    markdown("# Churn model\n", "Says “why” a\ttab \\ stays."),
    code("def churn_score(rows):\n", "    return sum(rows)\n", "\n", 'print("é")'),
    code("plot(churn_score(data))"),
)


def test_cells_with_the_lines_of_the_file() -> None:
    text = json.dumps(notebook(*_CELLS), indent=1)
    chunks = chunk_text("a.ipynb", text)
    assert [chunk.language for chunk in chunks] == ["markdown", "python", "python"]
    assert chunks[0].symbol == "Churn model"
    assert chunks[1].definitions == ("churn_score",)
    assert chunks[1].text == 'def churn_score(rows):\n    return sum(rows)\n\nprint("é")'
    lines = text.split("\n")
    for chunk in chunks:
        held = chunk.text.split("\n")
        assert len(held) == chunk.end_line - chunk.start_line + 1
        for number, line in enumerate(held, chunk.start_line):
            assert line in json.loads(lines[number - 1].strip().rstrip(","))
        assert holds_lines("a.ipynb", text, chunk.start_line, chunk.end_line, held)
        assert not holds_lines("a.ipynb", text, chunk.start_line + 9, chunk.end_line + 9, held)


@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "cells as one string"])
def test_lines_that_the_file_holds_in_one(indent: int | None) -> None:
    cells = [{**cell, "source": "".join(cell["source"])} for cell in _CELLS]
    text = json.dumps(notebook(*cells), indent=indent)
    chunk = next(c for c in chunk_text("a.ipynb", text) if "churn_score" in c.definitions)
    assert chunk.start_line == chunk.end_line
    assert "def churn_score" in text.split("\n")[chunk.start_line - 1]
    assert holds_lines("a.ipynb", text, chunk.start_line, chunk.end_line, chunk.text.split("\n"))


def test_other_languages_and_magics() -> None:
    cells = [code("f <- function(x) x"), code("%%bash\n", "echo hello"), code("%%sql\nselect 1")]
    chunks = chunk_text("a.ipynb", json.dumps(notebook(*cells, language="R"), indent=1))
    assert [chunk.language for chunk in chunks] == ["r", "bash", "sql"]


def test_format_3() -> None:
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Title"]},
        {"cell_type": "code", "language": "python", "input": ["def f():\n", "    pass"]},
    ]
    text = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert [chunk.symbol for chunk in chunk_text("a.ipynb", text)] == ["Title", "f"]


def test_a_picture_in_the_words_of_a_cell_is_left_out() -> None:
    cell = markdown(f"![p](data:image/png;base64,{_PICTURE})\n", "Then press OK.")
    text = json.dumps(notebook(cell), indent=1)
    (chunk,) = chunk_text("a.ipynb", text)
    assert chunk.text.endswith("characters of data left out …])\nThen press OK.")
    assert holds_lines("a.ipynb", text, chunk.start_line, chunk.end_line, chunk.text.split("\n"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{}", id="no cells"),
        pytest.param('{"cells": [', id="cut off"),
        pytest.param('{"cells": [\n<<<<<<< HEAD\n]}', id="conflict"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"cells": []} x', id="more behind it"),
        pytest.param('{"cells" []}', id="no colon"),
        pytest.param("", id="empty"),
    ],
)
def test_not_a_notebook(text: str) -> None:
    assert read_notebook(text) is None


def test_one_that_cannot_be_read_is_bounded() -> None:
    whole = json.dumps(notebook(*_CELLS * 300), indent=1)
    text = "<<<<<<< HEAD\n" + whole.replace(_PICTURE, _PICTURE[:3_000])
    chunks = chunk_text("a.ipynb", text)
    assert 0 < len(chunks) < 100
    assert "left out" in chunks[-1].text


@pytest.mark.parametrize("cells", [[], [None], ["x"], [{"source": 1}], [{"source": ["\n", 1]}]])
def test_cells_of_nothing(cells: list[object]) -> None:
    assert chunk_text("a.ipynb", json.dumps({"cells": cells})) == []
