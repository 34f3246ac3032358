"""The numbers of candidates, and the weights that this release has for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ModelMissingError
from harness.search import weights
from harness.search.features import FEATURES, OF_FILES_ONLY, features, pool_of
from harness.search.file_ranking import FILE_FEATURES
from harness.search.query import parse
from harness.types import Candidate, CandidateLists, FloatArray
from tests.search.test_ranking import candidate


def column(query: str, lists: CandidateLists, name: str) -> FloatArray:
    return features(parse(query), lists, pool_of(lists))[:, FEATURES.index(name)]


def scored(found: Candidate, score: float) -> Candidate:
    return replace(found, score=score)


def test_a_pool_has_every_candidate_once() -> None:
    a, b = candidate("a.py"), candidate("b.py")
    assert pool_of(CandidateLists(dense=(a,), lexical=(b, a), stem=(b,))) == [a, b]


def test_scores_are_measured_between_the_first_and_the_last_of_their_list() -> None:
    a, b, c = candidate("a.py"), candidate("b.py"), candidate("c.py")
    lists = CandidateLists(lexical=(scored(a, 9.0), scored(b, 4.0), scored(c, 5.0)))
    assert column("some words", lists, "lexical score").tolist() == pytest.approx([1.0, 0.0, 0.2])
    assert column("some words", lists, "dense score").tolist() == [0.0, 0.0, 0.0]


def test_places_count_apart_for_words_and_for_a_name() -> None:
    lists = CandidateLists(dense=(candidate("a.py"), candidate("b.py")))
    for query, used, other in (("two words", "words", "name"), ("word", "name", "words")):
        places = column(query, lists, f"dense place, {used} asked")
        assert places[0] == 1.0 > places[1] > 0.9
        assert not column(query, lists, f"dense place, {other} asked").any()


def test_the_other_chunks_of_a_file_speak_for_it() -> None:
    many = [candidate("many.py", line=line) for line in (1, 20, 40)]
    lists = CandidateLists(dense=(many[0], candidate("one.py"), many[1], many[2]))
    first, single, second, third = column("two words", lists, "file in dense")
    assert single == 0.0
    assert third > second > first > 0  # each is told what the others are


def test_words_of_a_file_count_wherever_they_are_in_it() -> None:
    halves = (
        candidate("a.py", "sessions", line=1),
        candidate("a.py", "signing", line=20),
        candidate("b.py", "signing"),
    )
    lists = CandidateLists(lexical=halves)
    assert column("session signing", lists, "file says it").tolist()[:2] == [1.0, 1.0]
    assert 0 < column("session signing", lists, "file says it")[2] < 1
    assert max(column("session signing", lists, "text says it")) < 1


def test_a_kind_that_the_question_is_about_is_no_kind() -> None:
    lists = CandidateLists(lexical=(candidate("tests/test_a.py"),))
    assert column("how is it done", lists, "is test").tolist() == [1.0]
    assert column("tests of it", lists, "is test").tolist() == [0.0]


def test_what_is_asked_for_counts_as_source_and_tests_not_when_mentioned() -> None:
    paths = ("tests/test_a.py", "a.yaml", "a.py")
    lists = CandidateLists(lexical=tuple(map(candidate, paths)))
    for query, expected in (
        ("how is it done", [1.0, 1.0, 0.0]),
        ("run tests in parallel", [1.0, 1.0, 0.0]),
        ("tests of it", [0.0, 1.0, 0.0]),
        ("its yaml settings", [1.0, 0.0, 0.0]),
    ):
        assert column(query, lists, "file is no source").tolist() == expected


def test_what_is_no_code_is_no_sign_when_that_is_asked_for() -> None:
    found = candidate("requirements.txt", "starlette==1")
    lists = CandidateLists(lexical=(replace(found, chunk=replace(found.chunk, kind="text")),))
    assert column("how is it done", lists, "no code").tolist() == [1.0]
    assert column("python requirements", lists, "no code").tolist() == [0.0]
    assert column("python requirements", lists, "is config").tolist() == [0.0]


def test_the_shipped_weights_are_those_of_these_features() -> None:
    shipped = weights.read(weights.FILE)
    assert set(shipped.ranking) == set(FEATURES)
    assert not any(shipped.ranking[name] for name in OF_FILES_ONLY)
    assert set(shipped.files) == set(FILE_FEATURES)
    assert shipped.match["intercept"] < 0
    assert np.isfinite(shipped.of(FEATURES)).all()


def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = weights.Weights(
        {"a": -1.5, "b": 2.0}, {"c": 0.5}, {"intercept": 0.25}, {"releases": 3}
    )
    weights.write(written, tmp_path / "w.json")
    assert weights.read(tmp_path / "w.json") == written
    assert written.of(("b", "c", "a")).tolist() == [2.0, 0.0, -1.5]
    assert written.of_files(("b", "c")).tolist() == [0.0, 0.5]


def test_a_file_is_told_by_all_that_was_found_of_it() -> None:
    lists = CandidateLists(
        dense=(
            scored(candidate("signing/a.py", "x", ("keep_session",), line=1), 3.0),
            scored(candidate("b.py", "x", ("keep_session",), line=90), 2.0),
            scored(candidate("signing/a.py", "x", (), line=400), 1.5),
            scored(candidate("b.py", "x", (), line=1), 1.0),
        )
    )
    named = column("signing a session", lists, "file is named so")
    assert named.tolist() == pytest.approx([1.0, named[1], 1.0, named[1]])
    assert 0.3 < named[1] < 0.7  # half of the words
    dense = column("signing a session", lists, "file in dense scores")
    assert dense.tolist() == pytest.approx([1.25 / 3, 0.5 / 3, 1.25 / 3, 0.5 / 3])
    lines = column("signing a session", lists, "file's last line")
    assert lines[0] == lines[2] > lines[1] == lines[3]


WITH_WEIGHT = '{"version": 2, "ranking": {"a": %s}, "files": {}, "match": {}, "learned_from": {}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"version": 0}',
        *(WITH_WEIGHT % weight for weight in ("NaN", "-Infinity", f"1{'0' * 400}", "[1]", '"x"')),
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_damaged_file_of_weights_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(ModelMissingError, match="install Harness again"):
        weights.read(tmp_path / "w.json")
