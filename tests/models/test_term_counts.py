"""Terms that are counted for several passages at once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models import term_counts
from harness.models.lexical import K1, document_vector, whole_words
from harness.models.static import terms
from harness.models.term_counts import TermCounts, count_terms


def weighted(counts: TermCounts) -> list[list[tuple[str, float]]]:
    """The terms of each passage with their weights, in order."""
    named = [counts.vocabulary.terms[number] for number in counts.numbers]
    pairs = list(zip(named, counts.weights().tolist(), strict=True))
    bounds = counts.bounds.tolist()
    return [pairs[start:end] for start, end in pairwise(bounds)]


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
    ("path", "symbol", "code"),
    [
        pytest.param(
            "store/files.py", "Store.open", "def open(files):\n    files.open()", id="code"
        ),
        pytest.param("a.md", "", "", id="path alone"),
        pytest.param("a | b.py", "f", "b = f(a)", id="bar in the path"),
        pytest.param("a\nfiles.py", "f", "files", id="end of line in the path"),
        pytest.param("süß.py", "Größe", "größe = SIZE", id="letters beyond ASCII above"),
        pytest.param("a.py", "f", "\u0308size = größe", id="begins with a mark"),
        pytest.param("a.py", "caf\udce9", "caf\udce9 = 1", id="surrogate"),
    ],
)
def test_terms_are_those_of_the_whole_passage(path: str, symbol: str, code: str) -> None:
    header = f"{path} | {symbol}" if symbol else path
    expected = list(the_plain_way(f"{header}\n{code}").items())  # rows are added up in this order
    assert list(terms.document_terms(f"{header}\n{code}").items()) == expected
    assert weighted(count_terms(path, ["other", symbol], [code, code]))[1] == expected


_TEXTS = st.text("aAbB zZ_1.|\n\u0308é字合ทด\udce9", max_size=30)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(_TEXTS, st.lists(st.tuples(_TEXTS, _TEXTS), max_size=4))
def test_passages_counted_together_weigh_what_each_does_alone(
    path: str, passages: list[tuple[str, str]]
) -> None:
    symbols, codes = [symbol for symbol, _ in passages], [code for _, code in passages]
    counts = count_terms(path, symbols, codes)
    alone = [document_vector(code, path, symbol) for symbol, code in passages]
    assert counts.document_vectors() == alone
    headers = [f"{path} | {symbol}" if symbol else path for symbol in symbols]
    texts = [f"{header}\n{code}" for header, code in zip(headers, codes, strict=True)]
    assert weighted(counts) == [list(terms.document_terms(text).items()) for text in texts]


def test_a_vocabulary_that_is_full_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_counts, "_MOST_WORDS", 2)
    first = count_terms("a.py", ["f"], ["one two three"])
    second = count_terms("a.py", ["f"], ["three four"])
    assert second.vocabulary is not first.vocabulary
    assert first.document_vectors() == [document_vector("one two three", "a.py", "f")]
    assert second.document_vectors() == [document_vector("three four", "a.py", "f")]
