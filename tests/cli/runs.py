"""What the tests of commands share: two source files, and the type of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

ROUTING = '''"""URL routing."""


class Router:
    """Keeps the table of routes."""

    def register_route(self, rule: str, handler: object) -> None:
        """Add a route: the handler is called when a request's path matches the rule."""
        self.table[rule] = handler
'''
SESSION = '''"""Cookies."""


def sign_cookie(value: str, key: str) -> str:
    """Return the session cookie's value with a signature."""
    return value + hmac(key, value)
'''
Run = Callable[..., tuple[int, str, str]]


def document(answer: tuple[int, str, str], code: int = 0) -> Any:
    assert answer[0] == code, answer
    return json.loads(answer[1])
