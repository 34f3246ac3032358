"""What is read of a query: names with signs, other scripts, and time linear in its length."""

from __future__ import annotations

import time

import pytest

from harness.models.lexical import query_vector
from harness.search.query import MAX_CHARS, MAX_WORDS, parse, readable
from harness.search.ranking import rank
from harness.types import Candidate, CandidateLists, Chunk


@pytest.mark.parametrize(
    ("query", "symbol"),
    [
        ("push!", "push!"),
        ("valid?", "valid"),
        ("get-item", "get-item"),
        ("operator==", "operator=="),
        ("$store", "$store"),
        ("list->vector", "list->vector"),
        ("計算する", "計算する"),
        ("where is get-item defined", "get-item"),
        ("where is the function rebate defined?", "rebate"),
        ("where is the rebate function declared", "rebate"),
        ("definition of rebate", "rebate"),
        ("what calls `GRÖẞE_MAX`", "grösse_max"),
        ("ｌｏａｄ＿ｌｅｄｇｅｒ", "load_ledger"),
    ],
)
def test_names_asked_for_as_names(query: str, symbol: str) -> None:
    found = parse(query)
    assert symbol in found.symbols
    assert symbol in found.names


@pytest.mark.parametrize(
    "query", ["where is it defined", "where is the session cookie defined", "definition of the"]
)
def test_words_that_are_no_names(query: str) -> None:
    assert parse(query).symbols == frozenset()


@pytest.mark.parametrize(
    ("query", "by_letters"),
    [
        ("HTTPAdapter", True),
        ("how are routes matched", False),
        ("wie werden größere Beträge berechnet", False),
        ("пароль пользователя", True),
        ("删除 过期 会话", True),
        ("how is 用户 read from the session", False),
    ],
)
def test_how_a_query_is_found(query: str, by_letters: bool) -> None:
    assert parse(query).by_letters is by_letters


def test_of_a_long_query_the_ends_are_read() -> None:
    text = readable("first " + "x" * 10 * MAX_CHARS + " last")
    assert len(text) <= MAX_CHARS + 1
    assert {"first", "last"} <= set(parse(text).terms)


UNITS = [
    *("y", "A", "Aa", "1", "_", "a.", "a::", "a->", "`a", "'a.", '"', "(", "a()", "/", "a/b.py "),
    *("\\", ":1", "#L1", "?", ".", "a b.c ", "x\n", "a@", "where is a ", "line 1 of ", "用", "ก็"),
    *("क\u094d", "ß", "e\u0301", "\u0301", "aA1_", "at a.b.c(", "C:\\", "<a", "=", "aGk0ZA=="),
    "definition of ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_the_length_only(unit: str) -> None:
    began = time.process_time()
    text = readable(unit * (1_000_000 // len(unit)))
    query = parse(text)
    query_vector(text)
    spent = time.process_time() - began
    assert len(query.terms) <= MAX_WORDS
    assert len(query.names) <= 12 * MAX_WORDS
    # A few hundredths of a second; what is quadratic takes minutes.
    assert spent < 3


def test_long_queries_and_long_lines_are_ranked_in_time() -> None:
    words = " ".join(f"word{number}" for number in range(2_000))
    frames = "\n".join(f'File "src/m{number}.py", line {number}, in f' for number in range(400))
    text = "x1 " * 5_000
    chunks = [
        Chunk(text, 1, 9, "python", "f", "function", (f"word{number}",)) for number in range(300)
    ]
    candidates = tuple(
        Candidate(str(number), "r", f"src/m{number}.py", chunk, 1.0)
        for number, chunk in enumerate(chunks)
    )
    began = time.process_time()
    for asked in (words, frames):
        assert rank(parse(asked), CandidateLists(dense=candidates), 10)
    assert time.process_time() - began < 6


def test_words_that_say_nothing_are_known_of_the_language_of_the_question() -> None:
    assert parse("wie werden die Cookies signiert").terms == ("cookies", "signiert")
    assert parse("how workers die").terms == ("workers", "die")
    assert "von" in parse("von Neumann").terms
