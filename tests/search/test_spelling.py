"""The word that a misspelt one stands for."""

from __future__ import annotations

import pytest

from harness.search.spelling import distance, most_slips, nearest

KNOWN = {
    "middleware": 3, "password": 9, "progress": 2, "progressive": 1, "form": 5, "reducer": 1,
    "reduced": 4, "autodetector": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        pytest.param("middelware", "middleware", id="swapped"),
        pytest.param("pasword", "password", id="left out"),
        pytest.param("proggress", "progress", id="added"),
        pytest.param("autodectetor", "autodetector", id="two slips in a long word"),
        pytest.param("reducee", "reduced", id="the more frequent of two"),
        pytest.param("from", "", id="too short to tell"),
        pytest.param("assword", "", id="another beginning"),
        pytest.param("postcard", "", id="far away"),
    ],
)
def test_the_nearest_word(typed: str, meant: str) -> None:
    assert nearest(typed, KNOWN) == meant


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("form", "from", 1), ("abc", "abc", 0), ("abc", "xabcx", 2), ("abcd", "badc", 2),
     ("abc", "xyz", 3), ("a", "abcdef", 3)],
)  # fmt: skip
def test_the_distance_is_the_same_both_ways_and_ends_beyond_the_limit(
    one: str, other: str, slips: int
) -> None:
    assert distance(one, other, 2) == distance(other, one, 2) == slips


def test_long_words_may_have_two_slips() -> None:
    assert [most_slips("x" * size) for size in (4, 5, 8, 9)] == [0, 1, 1, 2]
