"""Which other endings of a question's words are looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.lexical import OTHER_FORM, query_vector, term_id
from harness.models.word_forms import word_forms


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("redirects", "redirect"),
        ("redirect", "redirects"),
        ("pinning", "pin"),
        ("routes", "router"),
        ("router", "routing"),
        ("handlers", "handle"),
        ("queries", "query"),
        ("encoded", "encode"),
        ("compress", "compression"),
        ("boxes", "box"),
    ],
)
def test_endings_are_exchanged(word: str, form: str) -> None:
    assert form in word_forms(word)


@pytest.mark.parametrize(
    ("word", "other"), [("string", "str"), ("class", "clas"), ("bus", "bu"), ("order", "ord")]
)
def test_too_little_left_is_no_form(word: str, other: str) -> None:
    assert other not in word_forms(word)


@pytest.mark.parametrize("word", ["", "id", "utf8", "get_item", "größe"])
def test_no_forms(word: str) -> None:
    assert not word_forms(word)


def test_a_question_is_widened_and_a_name_is_not() -> None:
    question = query_vector("following redirects")
    weights = dict(zip(question.indices, question.values, strict=True))
    assert weights[term_id("redirects")] == 1.0
    assert weights[term_id("redirect")] == OTHER_FORM
    assert query_vector("redirects").indices == (term_id("redirects"),)


@given(st.text(max_size=30))
def test_a_word_is_not_a_form_of_itself(word: str) -> None:
    assert word not in word_forms(word)
    assert len(word_forms(word)) < 100
