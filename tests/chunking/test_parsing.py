"""Parsing leaves nothing behind."""

from __future__ import annotations

import sys

import pytest

from harness.chunking.parsing import parse


@pytest.mark.parametrize(
    ("language", "text"),
    [
        pytest.param("python", "def f(x):\n    return x\n" * 20, id="read once"),
        pytest.param("perl", 'my $name = "value of $other";\n' * 20, id="read again and again"),
    ],
)
def test_a_file_is_let_go_of(language: str, text: str) -> None:
    data = text.encode()
    before = sys.getrefcount(data)
    root = parse(language, data)
    assert root is not None
    assert not root.has_error
    assert root.end_byte == len(data)
    del root
    assert sys.getrefcount(data) == before
