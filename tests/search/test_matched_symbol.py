"""Which definition of a chunk a result is titled with."""

from __future__ import annotations

import pytest

from harness.search.matched_symbol import matched_symbol
from harness.search.query import parse
from harness.types import Chunk


def titled(query: str, symbol: str, *definitions: str) -> str:
    text = "\n".join(f"    def {name}" for name in definitions)
    return matched_symbol(parse(query), Chunk(text, 1, 9, "python", symbol, "class", definitions))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("read_cookie", "Session.read_cookie", id="name"),
        pytest.param("Session.clear()", "Session.clear", id="call"),
        pytest.param("how are cookies signed", "Session.sign_cookie", id="words"),
        pytest.param("where is a cookie read", "Session.read_cookie", id="the-closer-one"),
        pytest.param("session", "Session", id="the-enclosing-one"),
        pytest.param("weather in Paris", "Session", id="nothing-in-common"),
    ],
)
def test_the_definition_that_matches(query: str, expected: str) -> None:
    assert titled(query, "Session", "sign_cookie", "read_cookie", "clear") == expected


@pytest.mark.parametrize(
    ("query", "symbol", "definitions", "expected"),
    [
        pytest.param("clear", "Session.clear", ("clear",), "Session.clear", id="not-twice"),
        pytest.param("clear", "", ("load", "clear"), "clear", id="top-level"),
        pytest.param("clear", "", (), "", id="no-definition"),
        pytest.param("push!", "Stack", ("pop!", "push!"), "Stack.push!", id="other-signs"),
        pytest.param("MAX_SIZE", "", ("MIN_SIZE", "MAX_SIZE"), "MAX_SIZE", id="constant"),
    ],
)
def test_how_the_path_is_written(
    query: str, symbol: str, definitions: tuple[str, ...], expected: str
) -> None:
    assert titled(query, symbol, *definitions) == expected
