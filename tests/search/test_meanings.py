"""Names are compared with a question by what they mean, not by their letters."""

from __future__ import annotations

import numpy as np
import pytest

from harness.search import meanings
from harness.search.meanings import names_near
from harness.search.query import parse
from harness.types import Chunk


def chunk(symbol: str = "", *definitions: str) -> Chunk:
    return Chunk("pass", 1, 9, "python", symbol, "function", definitions)


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("delete a folder", "removeDirectory", "parseHeader"),
        ("convert a number to text", "int_to_string", "open_socket"),
        ("retry with exponential backoff", "sleepBeforeNextAttempt", "renderTemplate"),
    ],
)
def test_a_name_in_other_words_is_nearer_than_another_name(
    question: str, near: str, far: str
) -> None:
    _, alone = names_near(parse(question), [chunk("", near), chunk("", far)])
    assert alone[0] > alone[1] + 0.1


def test_the_class_around_counts_where_it_is_asked_for() -> None:
    inside, outside = chunk("HttpCache.get", "get"), chunk("Settings.get", "get")
    around, alone = names_near(parse("look up a cached response"), [inside, outside])
    assert around[0] > around[1] + 0.1
    assert alone[0] == alone[1]


def test_what_has_no_names_is_near_to_nothing() -> None:
    around, alone = names_near(parse("anything"), [chunk(), chunk("", "___")])
    assert not around.any()
    assert not alone.any()
    assert [len(found) for found in names_near(parse("anything"), [])] == [0, 0]


def test_a_passage_is_as_near_whatever_stands_beside_it() -> None:
    query = parse("write a file")
    several = [chunk("Store.save", "save"), chunk("", "load", "open"), chunk()]
    one_by_one = [names_near(query, [one]) for one in several]
    assert np.allclose(names_near(query, several), np.concatenate(one_by_one, axis=1), atol=1e-6)


def test_what_is_remembered_of_names_is_bounded_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    query, asked = parse("write a file"), [chunk("Store.save", "save"), chunk("", "load")]
    before = names_near(query, asked)
    remembered = meanings._shipped().names()
    monkeypatch.setattr(meanings, "_MOST_NAMES", 1)
    after = names_near(query, asked)
    assert meanings._shipped().names() is not remembered
    assert np.array_equal(before, after)
