"""Which place in a text an edit means."""

from __future__ import annotations

import pytest

from harness.agent.tools.replacing import replace_once
from harness.errors import UsageError


@pytest.mark.parametrize(
    ("search", "replace", "result"),
    [
        ("b", "B", "a\nB\nc\n"),
        ("b  ", "B", "a\nB\nc\n"),
        ("a\nb", "", "c\n"),
        ("   2| b", "   2| B", "a\nB\nc\n"),
        ("   2| b\n", "   2| B\n", "a\nB\nc\n"),
        ("b\n", "", "a\nc\n"),
        ("b\n", "B", "a\nBc\n"),
        ("\nb", "", "a\nc\n"),
        ("b \n", "B\n", "a\nB\nc\n"),
        ("b\r", "B\r", "a\nB\nc\n"),
    ],
)
def test_replace_once(search: str, replace: str, result: str) -> None:
    assert replace_once("a\nb\nc\n", search, replace, "f") == result


@pytest.mark.parametrize(
    ("text", "search", "result"),
    [
        ("x = 1  # TODO\ny = 2\n", "  # TODO", "x = 1\ny = 2\n"),
        ("x = 1  # TODO\r\ny = 2\r\n", "  # TODO", "x = 1\r\ny = 2\r\n"),
        ("f(a, b);  // old\nnext();\n", ", b);  // old", "f(a\nnext();\n"),
        ("a: 1  \nb: 2\n", "  \n", "a: 1b: 2\n"),
        ("    x\ny\n", "x", "    \ny\n"),
        ("x = 1 # a", " # a", "x = 1"),
        ("a\n\nb\n", "a\n", "\nb\n"),
        ("a\r\nb\r\n", "a", "b\r\n"),
    ],
)
def test_deleting(text: str, search: str, result: str) -> None:
    """Whole lines go with their line ends, the end of a line without it."""
    assert replace_once(text, search, "", "f") == result


def test_indentation_is_never_guessed() -> None:
    with pytest.raises(UsageError):
        replace_once("if x:\n    a()\n    b()\n", "a()\nb()", "c()", "f")


def test_a_place_is_named_where_blanks_are_ignored() -> None:
    with pytest.raises(UsageError, match=r"occurs twice \(lines 1, 3\)"):
        replace_once("b \na\nb\t\n", "b  ", "c", "f")
