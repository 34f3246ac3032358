"""Which paths a pattern chooses; that ignore files decide as git does is tested with the walk."""

from __future__ import annotations

import time

import pytest

from harness.patterns import PathPatterns, folders_above


@pytest.mark.parametrize(
    ("text", "path", "chosen"),
    [
        pytest.param("*.py", "src/in/a.py", True, id="name-at-any-depth"),
        pytest.param("/*.py", "src/a.py", False, id="anchored"),
        pytest.param("src/*", "src/in/a.py", True, id="folder-that-a-star-matches"),
        pytest.param("src/*.py", "src/in/a.py", False, id="star-stays-in-a-segment"),
        pytest.param("src/**/a.py", "src/a.py", True, id="two-stars-match-no-folder"),
        pytest.param("src/", "src/in/a.py", True, id="folder"),
        pytest.param("src/", "lib/src", False, id="folders-only"),
        pytest.param("in", "src/in/a.py", True, id="name-of-a-folder"),
        pytest.param("[!a]?.py", "bc.py", True, id="class"),
        pytest.param("[a", "[a", False, id="class-not-closed"),
        pytest.param(r"\*.py", "*.py", True, id="escaped"),
        pytest.param("# *.py", "# a.py", False, id="comment"),
        pytest.param("", "a.py", False, id="nothing"),
        pytest.param("*.py\n!a.py", "a.py", False, id="let-in-again"),
    ],
)
def test_paths_that_are_chosen(text: str, path: str, chosen: bool) -> None:
    assert PathPatterns.parse(text).chooses(path) is chosen


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = PathPatterns.parse("*.log\n!keep.log\n")
    assert patterns.negates
    assert patterns.verdict("a.log", False) is True
    assert patterns.verdict("in/keep.log", False) is False
    assert patterns.verdict("a.py", False) is None


def test_folders_above() -> None:
    assert list(folders_above("a/b/c.py")) == ["a", "a/b"]
    assert list(folders_above("c.py")) == []


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        pytest.param("*a" * 60 + "b", "a" * 4_000, id="stars"),
        pytest.param("**/a/" * 60 + "b", "a/" * 2_000 + "c", id="folders"),
        pytest.param("*?" * 60 + "/b", "a" * 4_000, id="stars and marks"),
        pytest.param("[a-z]*" * 60 + "0", "a" * 4_000, id="classes"),
        pytest.param("**/*a*/" * 40 + "b", "a/" * 2_000 + "c", id="both"),
        pytest.param("a**b" * 60, "ab" * 2_000, id="stars in a name"),
        pytest.param("[" * 200_000, "a", id="brackets"),
        pytest.param("*" * 200_000 + "b", "a" * 4_000, id="only stars"),
        pytest.param("\\" * 200_001, "a", id="backslashes"),
    ],
)
def test_time_is_bounded(pattern: str, path: str) -> None:
    began = time.thread_time()
    PathPatterns.parse(pattern).chooses(path)
    assert time.thread_time() - began < 3
