"""Pairs are found where people write what code does, and the answer is not in the passage."""

from __future__ import annotations

import random

import pytest

from training import comments, sampling
from training.mining import Pair, mine_file

PYTHON = '''"""Signs the cookies of a session so that nobody changes them."""

def load_session(request, store):
    """Read the session of a request from its cookie.

    :param request: with cookies.
    """
    data = store.read(request.cookies["session"])
    # the signature has to be checked before anything is read
    raw = check(data)
    payload = decode(raw)
    return payload
'''

GO = """package store

// OpenFile opens the named file for reading and retries when it is locked.
func OpenFile(name string, flags int) (*File, error) {
	handle, err := os.Open(name)
	return handle, err
}
"""

ELIXIR = '''defmodule Store do
  @doc """
  Removes a user and everything that belongs to it.
  """
  def delete_user(store, name) do
    Repo.remove(store, name)
    Repo.flush(store)
  end
end
'''


@pytest.mark.parametrize(
    ("path", "text", "query", "symbol"),
    [
        pytest.param(
            "app/session.py", PYTHON, "Read the session of a request from its cookie.",
            "load_session", id="docstring",
        ),
        pytest.param(
            "store/file.go", GO,
            "OpenFile opens the named file for reading and retries when it is locked.",
            "OpenFile", id="comment",
        ),
        pytest.param(
            "lib/store.ex", ELIXIR, "Removes a user and everything that belongs to it.",
            "Store.delete_user", id="attribute",
        ),
    ],
)  # fmt: skip
def test_a_description_asks_for_its_definition(
    path: str, text: str, query: str, symbol: str
) -> None:
    (pair,) = [pair for pair in mine_file(path, text) if pair.kind == "doc"]
    assert (pair.query, pair.symbol) == (query, symbol)
    assert query not in pair.code


def test_names_comments_and_files_ask_too() -> None:
    pairs = {pair.kind: pair for pair in mine_file("app/session.py", PYTHON)}
    assert pairs["name"].query == "load session"
    assert pairs["comment"].code.startswith("    raw = check(data)")
    assert pairs["file"].query == "Signs the cookies of a session so that nobody changes them."


def test_a_masked_name_is_nowhere_in_the_passage() -> None:
    pair = Pair("name", "go", "open file", "a/b.go", "Store.OpenFile", "func OpenFile() {}")
    assert "OpenFile" not in sampling.masked(pair).passage
    assert "Store" in sampling.masked(pair).passage


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(["// Copyright 2020 Somebody and others"], "", id="licence"),
        pytest.param(["/**", " * Sends the mail now.", " * @param to who", " */"],
                     "Sends the mail now.", id="tags"),
        pytest.param(["/// <summary>", "/// Sends the mail now.", "/// </summary>"],
                     "Sends the mail now.", id="markup"),
        pytest.param(["# ------", "# Sends the mail now.", "#", "# More."],
                     "Sends the mail now.", id="first paragraph"),
        pytest.param(["-- too short"], "", id="two words"),
    ],
)  # fmt: skip
def test_what_a_comment_says(lines: list[str], said: str) -> None:
    assert comments.summary(lines) == said


def test_a_slip_changes_one_word() -> None:
    text = "remember the configuration of a connection"
    slipped = sampling.misspelt(text, random.Random(3))
    changed = [a for a, b in zip(text.split(), slipped.split(), strict=True) if a != b]
    assert len(changed) == 1 and len(changed[0]) > 5
