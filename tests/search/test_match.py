"""Whether an answer holds what was asked for."""

from __future__ import annotations

from harness.search.match import WELL, likelihood
from harness.search.query import parse
from harness.search.ranking import rank
from harness.types import CandidateLists
from tests.search.test_ranking import candidate

LISTS = CandidateLists(
    dense=(
        candidate("src/session.py", "def sign_session(key): ...", ("sign_session",)),
        candidate("src/routing.py", "def register_route(rule): ...", ("register_route",), line=30),
    ),
    lexical=(candidate("src/session.py", "def sign_session(key): ...", ("sign_session",)),),
)


def asked(text: str, lists: CandidateLists = LISTS) -> float:
    query = parse(text)
    return likelihood(query, rank(query, lists, 10))


def test_what_the_passages_say_matches() -> None:
    assert asked("how is a session signed") > WELL
    assert asked("sign_session") > WELL


def test_what_nothing_says_does_not_match() -> None:
    nearest = CandidateLists(dense=LISTS.dense)
    assert asked("quantum chromodynamics of heavy lattices", nearest) < WELL
    assert asked("anything", CandidateLists()) == 0.0


def test_a_file_that_is_named_is_what_was_asked_for() -> None:
    assert asked("src/routing.py") == 1.0
