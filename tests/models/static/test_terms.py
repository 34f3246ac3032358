"""What the static model reads of a text."""

from __future__ import annotations

import pytest

from harness.models.lexical import K1, count_words, whole_words
from harness.models.static import terms


def test_the_path_counts_less_than_the_code() -> None:
    weighted = terms.document_terms("store/files.py | Store.open\nhandle = 1")
    assert weighted["files"] < weighted["handle"] == weighted["open"]


def the_plain_way(text: str) -> dict[str, float]:
    """What training counted: the lines below the first one, with the symbol, as one text."""
    head, _, code = text.partition("\n")
    path, _, symbol = head.partition(" | ")
    counts: dict[str, float] = {}
    for part, weight in ((path, terms.PATH_WEIGHT), (f"{symbol}\n{code}", 1.0)):
        within: dict[str, int] = {}
        for word in dict.fromkeys(found := whole_words(part)):
            for term in terms.marked_parts(word):
                within[term] = within.get(term, 0) + found.count(word)
        for term, count in within.items():
            counts[term] = counts.get(term, 0.0) + count * weight
    return {term: tf * (K1 + 1.0) / (tf + K1) for term, tf in counts.items()}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param(
            "store/files.py | Store.open", "def open(files):\n    files.open()", id="code"
        ),
        pytest.param("a.md", "", id="path alone"),
        pytest.param("a | b.py | f", "b = f(a)", id="bar in the path"),
        pytest.param("a\nfiles.py | f", "files", id="end of line in the path"),
        pytest.param("süß.py | Größe", "größe = SIZE", id="letters beyond ASCII above"),
        pytest.param("a.py | f", "\u0308size = größe", id="begins with a mark"),
        pytest.param("a.py | caf\udce9", "caf\udce9 = 1", id="surrogate"),
    ],
)
def test_counted_words_are_those_of_the_whole_passage(header: str, code: str) -> None:
    expected = list(the_plain_way(f"{header}\n{code}").items())  # rows are added up in this order
    assert list(terms.counted_terms(header, count_words(code)).items()) == expected
    assert list(terms.document_terms(f"{header}\n{code}").items()) == expected


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
