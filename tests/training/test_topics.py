"""Questions about a topic are worded like titles, and have the file that they are about."""

from __future__ import annotations

import random

import pytest

from training import topics

GUIDE = """# Guide

## Session cookies

Use `SessionStore` with `sign_cookie`, or the class SessionStore alone.

## Installation

Call `SessionStore` and `sign_cookie`.

## Routes and blueprints

The `route` decorator is all there is.

## Sending mail

```
mailer = MailQueue()
send_later(mailer)
SessionStore()
```
"""
DEFINED_IN = {
    "SessionStore": "app/sessions.py", "sign_cookie": "app/sessions.py",
    "route": "app/routing.py", "MailQueue": "app/mail.py", "send_later": "app/mail.py",
}  # fmt: skip


def test_a_section_is_about_the_file_that_defines_most_of_its_names() -> None:
    found = list(topics.of_sections(GUIDE.split("\n"), DEFINED_IN))
    assert [(one.words, one.paths) for one in found] == [
        ("Session cookies", ("app/sessions.py",)),
        ("Sending mail", ("app/mail.py",)),
    ]
    assert [GUIDE.split("\n")[one.row] for one in found] == [
        "## Session cookies",
        "## Sending mail",
    ]


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        pytest.param("class TestSessionCookies(TestCase):", "session cookies", id="python"),
        pytest.param("public class MailQueueTests {", "mail queue", id="class"),
        pytest.param("  describe('parsing of dates', () => {", "parsing of dates", id="title"),
        pytest.param("class Session:", "", id="no-test"),
        pytest.param("describe('parse')", "", id="one-word"),
    ],
)
def test_a_group_of_tests_has_a_topic(line: str, topic: str) -> None:
    assert topics.of_group(line) == topic


@pytest.mark.parametrize(
    ("summary", "topic"),
    [
        ("This module is for signing cookies, not for reading them.", "signing cookies"),
        ("A thread-safe queue of messages, kept on disk.", "thread-safe queue of messages"),
        ("RateLimiter implements a token bucket that refills.", "token bucket"),
        ("The connection pool of the client.", "connection pool of the client"),
        ("If the value is missing, nothing happens.", ""),
        ("Cookies.", ""),
    ],
)
def test_the_first_words_of_a_summary_are_its_topic(summary: str, topic: str) -> None:
    assert topics.of_summary(summary) == topic


def test_some_topics_are_asked_as_questions() -> None:
    chance = random.Random(1)
    asked = {topics.worded("Session cookies", chance) for _ in range(40)}
    assert "session cookies" in asked
    assert any("session cookies" in one and one != "session cookies" for one in asked)
