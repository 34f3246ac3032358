"""SEARCH/REPLACE blocks and whole files: understood as meant, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent.tools.edit_block import EditBlock
from harness.agent.validation import FormatError
from tests.agent.tools.random_edits import LINES

BLOCK = EditBlock()


def read(*lines: str) -> dict[str, object]:
    return BLOCK.read("edit_file", "\n".join(["path: a", *lines]))


@pytest.mark.parametrize(
    ("lines", "search", "replace"),
    [
        pytest.param(["x", "=======", "y"], "x", "y", id="plain"),
        pytest.param(["x", "======="], "x", "", id="deletion"),
        pytest.param(["x", "=======", ""], "x\n", "\n", id="an-empty-line-instead"),
        pytest.param(["", "x", "=======", "", "y", ""], "\nx", "\ny\n", id="blank-lines"),
        pytest.param(["=======", "y"], "", "y\n", id="new-file"),
        pytest.param(["x", "=====", "y"], "x", "y", id="sloppy-divider"),
        pytest.param(
            ["Title", "====", "=======", "T", "="], "Title\n====", "T\n=", id="short-lines"
        ),
        pytest.param(["T", "=" * 12, "=======", "U"], f"T\n{'=' * 12}", "U", id="long-heading"),
        pytest.param(["```sh", "=======", "```bash"], "```sh", "```bash", id="fences"),
        pytest.param(["x\r", "=======\r", "y\r"], "x\r", "y\r", id="carriage-returns"),
    ],
)
def test_a_block(lines: list[str], search: str, replace: str) -> None:
    block = read("<<<<<<< SEARCH", *lines, ">>>>>>> REPLACE", "That is all.")
    assert block == {"path": "a", "search": search, "replace": replace}


def test_longer_markers_allow_markers_in_the_text() -> None:
    inner = ["<<<<<<< HEAD", "a", "=======", "b", ">>>>>>> REPLACE", "<<<<<<< SEARCH"]
    block = read("<<<<<<<<< SEARCH", *inner, "=========", "b", ">>>>>>>>> REPLACE")
    assert block == {"path": "a", "search": "\n".join(inner), "replace": "b"}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["<<<<<<< SEARCH", "T", "=======", "a", "=======", "b", ">>>>>>> REPLACE"], "unclear"),
        (["<<<<<<< SEARCH", "T", "=====", "a", "=======", "b", ">>>>>>> REPLACE"], "unclear"),
        (["<<<<<<< SEARCH", "a", "=======", "b", ">>>>>>> REPLACE", ">>>>>>> REPLACE"], "unclear"),
        (["<<<<<<< SEARCH", "a", "=======", "b", ">>>>>>> REPLACE"] * 2, "one block"),
        (
            ["<<<<<<< SEARCH", "<<<<<<< HEAD", "=======", "b", "=======", ">>>>>>> REPLACE"],
            "unclear",
        ),
        (["<<<<<<< SEARCH", "a", ">>>>>>> REPLACE"], "incomplete"),
        (["<<<<<<< SEARCH", "a", "=======", "b"], "incomplete"),
        (["  <<<<<<< SEARCH", "a", "=======", "b", ">>>>>>> REPLACE"], "incomplete"),
        (["a", "=======", "b", ">>>>>>> REPLACE"], "incomplete"),
        (["<<<<<<<<< SEARCH", "a", "=======", "b", ">>>>>>> REPLACE"], "incomplete"),
    ],
)
def test_what_could_mean_two_things_is_refused(lines: list[str], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(*lines)


texts = st.lists(LINES).map("\n".join)


@settings(deadline=None)
@given(search=texts, replace=texts)
def test_a_block_is_read_as_it_was_written_or_not_at_all(search: str, replace: str) -> None:
    """Also with seven signs, where a text may look like a marker."""
    arguments = {"path": "a", "search": search, "replace": replace}
    for signs in (7, 8, 9):
        parts = [f"{'<' * signs} SEARCH", search, "=" * signs, replace, f"{'>' * signs} REPLACE"]
        try:
            found = BLOCK.read("edit_file", "\n".join(["path: a", *parts]))
        except FormatError:
            continue
        # A text that is empty, or whose only line is, may stand for no line or for an empty one.
        if search and replace:
            assert found == arguments
    try:
        found = BLOCK.read("edit_file", BLOCK.write(arguments))
    except FormatError:
        return  # written as JSON instead
    if search.strip("\n") and replace.strip("\n"):
        assert found == arguments
