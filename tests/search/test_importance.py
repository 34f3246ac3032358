"""Name uses of files that are at hand, and what importance follows from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.search.importance import importance, is_telling
from harness.search.name_uses import NameUses, identifier, uses_of
from harness.types import Chunk


def chunk(text: str, *names: str, language: str = "python", kind: str = "function") -> Chunk:
    return Chunk(text, 1, text.count("\n") + 1, language, "", kind, names)


def read(**files: Chunk | tuple[Chunk, ...]) -> NameUses:
    """The uses of files, called ``a`` for ``a.py``."""
    found = {f"{name}.py": one if isinstance(one, tuple) else (one,) for name, one in files.items()}
    return uses_of(sorted(found.items()))


def edges(uses: NameUses) -> set[tuple[str, str, int]]:
    columns = zip(uses.use_files, uses.use_names, uses.use_counts, strict=True)
    return {(uses.paths[file], uses.names[name], int(count)) for file, name, count in columns}


STORE = chunk("def open_store(path): ...", "open_store")


def test_a_use_is_a_word_that_another_file_defines() -> None:
    uses = read(store=STORE, app=chunk("open_store(1); open_store(2); opened_store()"))
    assert edges(uses) == {("app.py", "open_store", 2)}


def test_a_file_means_its_own_definition() -> None:
    own = chunk("def open_store(): ...\n\nopen_store()", "open_store")
    assert edges(read(store=STORE, other=own)) == set()


@pytest.mark.parametrize(
    ("user", "is_use"),
    [
        pytest.param(chunk("open_store()", language="go"), False, id="another language"),
        pytest.param(chunk("open_store()", language="cython"), True, id="a related language"),
        pytest.param(chunk("call open_store", kind="section"), True, id="prose"),
        pytest.param(chunk("run: open_store", kind="data"), True, id="settings"),
    ],
)
def test_which_languages_use_each_others_names(user: Chunk, is_use: bool) -> None:
    assert bool(edges(read(store=STORE, user=user))) is is_use


def test_words_of_prose_are_no_uses() -> None:
    names = chunk("class Session: ...\ndef close(): ...\nID = 1", "Session", "close", "ID")
    prose = chunk("Session close ID", kind="section", language="markdown")
    assert edges(read(names=names, prose=prose)) == set()


def test_the_order_of_chunks_and_of_words_in_the_store_does_not_matter() -> None:
    first = Chunk("open_store()", 1, 1, "python", "", "function")
    second = Chunk("<a id=open_store>", 2, 2, "html", "", "module", ("open_store",))
    one, other = read(a=(first, second), b=STORE), read(a=(second, first), b=STORE)
    assert one.names == other.names
    assert edges(one) == edges(other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("close", "close"), ("push!", "push"), ("~Session", "Session"), ("operator==", ""),
     ("id", ""), ("two words", ""), ("x" * 80, "")],
)  # fmt: skip
def test_what_of_a_definition_is_looked_for(name: str, expected: str) -> None:
    assert identifier(name) == expected


def ranked(uses: NameUses, *focus: str) -> list[str]:
    weights = {uses.paths.index(path): 1.0 for path in focus}
    shares = importance(uses, weights).files
    return [uses.paths[number] for number in np.argsort(-shares, kind="stable")]


def test_what_important_files_use_is_important() -> None:
    uses = read(
        base=chunk("class BaseStore: ...", "BaseStore"),
        store=chunk("class EdgeStore(BaseStore): ...", "EdgeStore"),
        a=chunk("EdgeStore()"),
        b=chunk("EdgeStore()"),
        once=chunk("class Once: ...", "Once"),
        c=chunk("Once()"),
    )
    assert ranked(uses)[:3] == ["store.py", "base.py", "once.py"]


def test_a_name_that_may_be_any_word_counts_little() -> None:
    uses = read(
        words=chunk("def get(): ...", "get"),
        names=chunk("def get_session(): ...", "get_session"),
        **{f"user{n}": chunk("get(); get(); get_session()") for n in range(5)},
    )
    assert ranked(uses)[0] == "names.py"
    get_session, get = importance(uses).definitions
    assert get_session > get  # which is used twice as often


def test_tests_count_less_than_what_they_test() -> None:
    uses = uses_of(
        [
            ("src/session.py", (chunk("class Session: ...", "Session"),)),
            ("tests/lab.py", (chunk("class Lab: ...", "Lab"),)),
            *((f"tests/test_{n}.py", (chunk("Session(Lab())"),)) for n in range(3)),
        ]
    )
    assert ranked(uses)[0] == "src/session.py"


def test_a_focus_brings_what_it_uses_and_what_uses_it() -> None:
    uses = read(
        popular=chunk("class Popular: ...", "Popular"),
        **{f"other{n}": chunk("Popular()") for n in range(9)},
        wheel=chunk("class Wheel: ...", "Wheel"),
        car=chunk("class Car:\n    wheels = Wheel()", "Car"),
        garage=chunk("Car()"),
    )
    assert ranked(uses)[0] == "popular.py"
    assert ranked(uses, "car.py")[:1] == ["car.py"]
    assert set(ranked(uses, "car.py")[1:3]) == {"wheel.py", "garage.py"}


def test_nothing_is_ranked_in_an_empty_repository() -> None:
    assert importance(uses_of([])).files.tolist() == []


NAMES = st.lists(st.sampled_from(["open_store", "Store", "get", "_private", "HTTP"]), max_size=4)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=6), st.booleans())
def test_shares_sum_up_to_one_whatever_is_defined_and_used(
    files: list[tuple[list[str], list[str]]], focused: bool
) -> None:
    uses = uses_of(
        (f"f{number}.py", (chunk(" ".join([*defined, *used]), *defined),))
        for number, (defined, used) in enumerate(files)
    )
    found = importance(uses, {0: 2.0} if focused else None)
    assert found.files.sum() == pytest.approx(1)
    assert (found.files >= 0).all()
    assert (found.definitions >= 0).all()


@pytest.mark.parametrize(
    ("name", "telling"),
    [("get", False), ("_get", False), ("get_all", True), ("Session", True), ("HTTP", True)],
)
def test_names_that_are_more_than_a_word(name: str, telling: bool) -> None:
    assert is_telling(name) is telling
