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
    ],
)
def test_replace_once(search: str, replace: str, result: str) -> None:
    assert replace_once("a\nb\nc\n", search, replace, "f") == result


def test_indentation_is_never_guessed() -> None:
    with pytest.raises(UsageError):
        replace_once("if x:\n    a()\n    b()\n", "a()\nb()", "c()", "f")
