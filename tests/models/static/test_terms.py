"""What the static model reads of a text."""

from __future__ import annotations

import pytest

from harness.models.static import terms


def test_the_path_counts_less_than_the_code() -> None:
    weighted = terms.document_terms("store/files.py | Store.open\nhandle = 1")
    assert weighted["files"] < weighted["handle"] == weighted["open"]


def test_repeats_saturate() -> None:
    once = terms.document_terms("\nvalue")["value"]
    often = terms.document_terms("\n" + "value " * 50)["value"]
    assert once < often < 2.2 * once


def test_a_name_of_several_words_is_told_from_the_same_letters_as_one_word() -> None:
    assert "=getuser" in terms.query_terms("getUser")
    assert "getuser" in terms.query_terms("getuser")


@pytest.mark.parametrize(
    ("term", "some"),
    [
        pytest.param("session", {"<se", "ssi", "ion>"}, id="word"),
        pytest.param("=getuser", set(), id="several words"),
        pytest.param("abc", set(), id="short"),
        pytest.param("a" * 40, set(), id="hash"),
    ],
)
def test_runs_of_letters(term: str, some: set[str]) -> None:
    found = set(terms.grams(term))
    assert some <= found
    assert bool(found) == bool(some)


def test_unknown_words_that_look_alike_share_rows() -> None:
    known = {terms.term_hash("open"): 0}
    rows, shares = terms.term_rows("open", known, 1000)
    assert (rows, shares) == ((0,), (1.0,))
    right, _ = terms.term_rows("configuration", known, 1000)
    wrong, _ = terms.term_rows("configuraton", known, 1000)
    other, _ = terms.term_rows("elephants", known, 1000)
    assert all(row >= 1 for row in right)
    assert len(set(right) & set(wrong)) > 5 > len(set(right) & set(other))


@pytest.mark.parametrize("term", ["configuration", "überprüfung", "abc\ud800def", "x"])
def test_an_unknown_word_has_a_row_for_itself_and_each_run_of_its_letters(term: str) -> None:
    rows, shares = terms.term_rows(term, {}, 1000)
    assert list(rows) == [terms.term_hash(part) % 1000 for part in (term, *terms.grams(term))]
    assert len(shares) == len(rows)
