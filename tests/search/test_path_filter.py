"""Path filters as people write them, over a list of paths."""

from __future__ import annotations

import time
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.search import path_filter
from harness.search.path_filter import read_filter
from harness.types import RepositoryRecord

PATHS = (
    "README.md",
    "app/[id]/page.tsx",
    "app/(group)/page.tsx",
    "docs/My notes.md",
    "lib/b.py",
    "lib/src/c.py",
    "src/a.py",
    "src/Deep/x.Py",
    "odd/a{b,c}d.txt",
    "{{cookiecutter.name}}/setup.py",
)
RECORD = RepositoryRecord("web", "/work/web", "", "c", "m", 1, 1, 0, "")
INNER = RepositoryRecord("inner", "/work/web/lib", "", "c", "m", 1, 1, 0, "")


def chosen(asked: str) -> set[str]:
    return set(read_filter(asked, [RECORD]).choose(PATHS))


SRC = {"src/a.py", "src/Deep/x.Py"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("src/**", SRC),
        ("src/", SRC | {"lib/src/c.py"}),
        ("src", SRC | {"lib/src/c.py"}),
        ("/src", SRC),
        ("./src", SRC),
        ("././src//", SRC),
        ("src/../lib/b.py", {"lib/b.py"}),
        ("src/*.py", {"src/a.py"}),
        ("src\\a.py", {"src/a.py"}),
        ("src\\*.py", {"src/a.py"}),
        (".\\src\\Deep", {"src/Deep/x.Py"}),
        ("/work/web/src", SRC),
        ("/work/web/", set(PATHS)),
        ("/work/web", set(PATHS)),
        ("/work/web/./src/*.py", {"src/a.py"}),
        ("web/src/a.py", {"src/a.py"}),
        ("src/a.py:12", {"src/a.py"}),
        ("src/a.py:12-20", {"src/a.py"}),
        ("web/src/a.py:12-20", {"src/a.py"}),
        ("{src,lib}/**", SRC | {"lib/b.py", "lib/src/c.py"}),
        ("{src/{a,z},lib/b}.py", {"src/a.py", "lib/b.py"}),
        ("*.{md,x}", {"README.md", "docs/My notes.md"}),
        ("SRC/A.PY", {"src/a.py"}),
        ("odd/a{b,c}d.txt", {"odd/a{b,c}d.txt"}),
        ("[ls]*/?.py", {"src/a.py", "lib/b.py"}),
        ("*.PY", {"lib/b.py", "lib/src/c.py", "src/a.py", "src/Deep/x.Py", PATHS[-1]}),
        ("*.Py", {"src/Deep/x.Py"}),
        ("app/[id]/page.tsx", {"app/[id]/page.tsx"}),
        ("app/\\[id\\]/*", {"app/[id]/page.tsx"}),
        ("app/[id]", {"app/[id]/page.tsx"}),
        ("app/(group)", {"app/(group)/page.tsx"}),
        ("{{cookiecutter.name}}", {PATHS[-1]}),
        ("docs/My notes.md", {"docs/My notes.md"}),
        ("!src", set(PATHS) - SRC - {"lib/src/c.py"}),
        ("!*.nothing", set(PATHS)),
        (".", set(PATHS)),
        ("**", set(PATHS)),
        ("*", set(PATHS)),
        ("#x", set()),
        ("nothing/**", set()),
        ("[", set()),
        ("src/a.py/x", set()),
    ],
)  # fmt: skip
def test_forms(asked: str, expected: set[str]) -> None:
    assert chosen(asked) == expected


def test_an_absolute_path_names_its_repository() -> None:
    found = read_filter("/work/web/lib/b.py", [RECORD, INNER])
    assert found.repositories == (INNER,)
    assert found.choose(("b.py", "lib/b.py")) == ("b.py",)
    assert read_filter("/lib/b.py", [RECORD, INNER]).repositories == (RECORD, INNER)


@pytest.mark.parametrize(
    "asked",
    ["../x", "src/../../x", "~/nowhere/x", "C:\\nowhere\\x", "a\nb", "x" * 5000, "{a,b}" * 9],
)
def test_what_cannot_be_understood_is_refused(asked: str) -> None:
    with pytest.raises(UsageError):
        chosen(asked)


@pytest.mark.parametrize(
    "asked",
    ["*a" * 60 + "b", "**/" * 60 + "b", "**/a/" * 12 + "b", "a*" * 200, "{a,*" * 100, "[a" * 300],
)
def test_no_glob_takes_long(asked: str) -> None:
    began = time.process_time()
    read_filter(asked, [RECORD]).choose(("a/" * 20 + "a" * 200,))
    assert time.process_time() - began < 2


@given(st.text(st.sampled_from("ab./*?[]{},\\ !#"), min_size=1, max_size=12))
def test_paths_that_are_left_out_unread_are_none_that_match(glob: str) -> None:
    paths = ("a", "a/b", "b/a.b", "a{b,a}", "[ab]/b", "a b/ab", "#a", "!b/a", "b/b/a/a.a")
    found = path_filter._chosen(glob, paths)
    with mock.patch.object(path_filter, "_part", return_value=""):
        assert path_filter._chosen(glob, paths) == found
