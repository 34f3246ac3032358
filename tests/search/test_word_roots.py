"""Which words mean those of a query, and in which names they may be."""

from __future__ import annotations

import pytest

from harness.search.path_kinds import name_words
from harness.search.word_roots import Terms

NAMES = [
    "request_context", "RequestContext", "ctx", "pushCtx", "req", "auth", "authorize_user",
    "doc_writer", "documents", "ws", "openWS", "UI", "interface", "db", "x", "sse_stream",
    "größe", "Anmeldung", "会话", "getDB", "id", "identify", "config", "conf", "cfg",
]  # fmt: skip
QUERIES = (
    ("request", "context"), ("authentication",), ("documents", "websocket"), ("interface",),
    ("database", "id"), ("ws",), ("größe",), ("会话",), ("conf",), ("x",), (),
)  # fmt: skip


@pytest.mark.parametrize("terms", QUERIES, ids=" ".join)
def test_no_name_that_has_a_word_of_the_query_is_left_out(terms: tuple[str, ...]) -> None:
    asked = Terms(terms)
    having = {name for name in NAMES if any(map(asked.like, name_words((name,))))}
    found = asked.may_be_in(NAMES)
    assert having <= found
    assert found < set(NAMES), "most have none, which is what it is for"


def test_names_that_begin_between_two_others_are_told_apart() -> None:
    assert Terms(("session",)).may_be_in(["ses", "sion", "my_session", "sessions"]) == {
        "my_session",
        "sessions",
    }


def test_what_else_is_looked_for_is_found_as_well() -> None:
    assert Terms(()).may_be_in(["openSSE", "closing"], ["sse"]) == {"openSSE"}
