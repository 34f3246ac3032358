"""Text that is not valid Unicode becomes text that is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.text import encodable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("grüße 日本 🎉 \0\n", "grüße 日本 🎉 \0\n", id="valid text stays"),
        pytest.param("caf\udce9", "caf\\xe9", id="a byte"),
        pytest.param("gr\udcc3\udcbc\udcc3\udc9fe", "grüße", id="UTF-8 read as ASCII"),
        pytest.param("a\ud83d b", "a\\ud83d b", id="half a pair"),
        pytest.param("\ud83d\udce9x", "\\ud83d\\udce9x", id="halves and a byte"),
    ],
)
def test_what_utf8_cannot_hold_is_escaped(text: str, expected: str) -> None:
    assert encodable(text) == expected


@given(st.text(st.characters(categories=("Cs", "L", "Po", "So")), max_size=20))
def test_the_result_can_be_encoded_and_stays(text: str) -> None:
    result = encodable(text)
    assert json.loads(json.dumps(result, ensure_ascii=False).encode()) == result
    assert encodable(result) == result


@given(st.text())
def test_valid_text_is_not_touched(text: str) -> None:
    assert encodable(text) == text


@given(st.binary(max_size=20))
def test_bytes_as_arguments_are_read_as_utf8(data: bytes) -> None:
    argument = data.decode("ascii", "surrogateescape")
    assert encodable(argument) == data.decode("utf-8", "backslashreplace")
