"""Lines that a model replaces by their numbers."""

from __future__ import annotations

import json

import pytest

from harness.agent.localise.line_edits import asked_for_lines, schema_of, with_new_lines
from harness.agent.localise.rewriting import Unchanged, Unusable, show
from harness.agent.sources import Definition

TEXT = (
    "import os\n"
    "\n"
    "def add(a, b):\n"
    '    """Add.\n'
    "\n"
    "    Numbers only.\n"
    '    """\n'
    "    total = a - b\n"
    "    return total\n"
    "\n"
    "rest = 1\n"
)
ADD = show(Definition("calc.py", "add", 3, 9, is_callable=True), TEXT)


def said(first: object, last: object, *lines: str) -> str:
    fields = {"first_wrong_line": first, "last_wrong_line": last, "new_lines": list(lines)}
    return json.dumps({"reason": "it must add", **fields})


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        pytest.param(said(8, 8, "    total = a + b"), "    total = a + b", id="one-line"),
        pytest.param(said(8, 8, "total = a + b"), "    total = a + b", id="without-indentation"),
        pytest.param(said(8, 8, "    c = b\n    total = a + c"), "    c = b\n    total = a + c",
                     id="line-end-within"),
        pytest.param(said(8, 8, "def add(a, b):", "    total = a + b", "    return total"),
                     "    total = a + b", id="all-of-it-again"),
        pytest.param(said(8, 3, "    total = a + b"), "    total = a + b", id="last-before-first"),
        pytest.param("<<<<<<< SEARCH\n    total = a - b\n=======\n    total = a + b\n"
                     ">>>>>>> REPLACE", "    total = a + b", id="no-schema-on-this-server"),
    ],
)  # fmt: skip
def test_the_lines_are_replaced_and_nothing_else(answer: str, wanted: str) -> None:
    assert with_new_lines(answer, ADD, TEXT) == TEXT.replace("    total = a - b", wanted)


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        pytest.param(said(8, 8, "    total = a - b"), Unchanged, "changes nothing", id="the-same"),
        pytest.param(said(11, 11, "rest = 2"), Unusable, "not those of add", id="elsewhere"),
        pytest.param(said("8", 8, "x"), Unusable, "not numbers", id="no-number"),
        pytest.param(said(8, 8, "    total = (a"), Unusable, "does not parse", id="broken"),
        pytest.param("I cannot say.", Unusable, "no add", id="prose"),
    ],
)
def test_what_cannot_be_used_is_refused(answer: str, error: type[Unusable], reason: str) -> None:
    with pytest.raises(error, match=reason):
        with_new_lines(answer, ADD, TEXT)


def test_the_question_shows_the_numbers_without_the_docstring() -> None:
    asked = asked_for_lines((), "the same", ADD, TEXT)[-1].content
    assert "3| def add(a, b):\n8|     total = a - b\n9|     return total\n" in asked
    number = schema_of(ADD)["properties"]["first_wrong_line"]  # type: ignore[index]
    assert (number["minimum"], number["maximum"]) == (3, 9)
