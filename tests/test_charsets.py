"""Encodings of sources: told from their bytes, and back to the same bytes."""

from __future__ import annotations

import pytest

from harness.charsets import Charset, decoded, looks_binary, readable, rewritten

WESTERN = b"int gr\xf6\xdfe; // \x84\xfcber\x93 \x96 10 \x80, caf\xe9\r\n"
SHIFT_JIS = "int size; /* 大きさ */\n".encode("shift-jis")


@pytest.mark.parametrize(
    ("data", "charset", "part"),
    [
        pytest.param("größe\n".encode(), Charset.UTF_8, "größe", id="utf-8"),
        pytest.param("\ufeffgröße\n".encode(), Charset.UTF_8, "größe", id="utf-8-mark"),
        pytest.param("\ufeff日本 = 1\r\n".encode("utf-16-le"), Charset.UTF_16_LE, "日本", id="le"),
        pytest.param("\ufeffgröße\r\n".encode("utf-16-be"), Charset.UTF_16_BE, "größe", id="be"),
        pytest.param(WESTERN, Charset.WINDOWS_1252, "größe; // „über“ – 10 €, café", id="1252"),
        pytest.param(SHIFT_JIS, Charset.WINDOWS_1252, "int size;", id="shift-jis"),
    ],
)
def test_text_and_back(data: bytes, charset: Charset, part: str) -> None:
    found = decoded(data)
    assert found is not None
    assert (found[1], part in found[0]) == (charset, True)
    assert rewritten(data, found[0]) == data
    assert rewritten(data, found[0] + "ä") == data + charset.encode("ä")
    assert not looks_binary(data)


def test_each_byte_is_a_letter_of_its_own() -> None:
    every = bytes(range(256))
    text = Charset.WINDOWS_1252.decode(every)
    assert len(set(text)) == 256
    assert Charset.WINDOWS_1252.encode(text) == every
    assert text[0xA0:] == every.decode("latin-1")[0xA0:]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"x" * 9_000 + b"\0", id="late-nul"),
        pytest.param("größe".encode("utf-16-le"), id="utf-16-without-mark"),
        pytest.param(bytes(range(1, 256)) * 20, id="all-bytes"),
        pytest.param("привет, мир\n".encode("cp1251"), id="other-script"),
    ],
)
def test_no_text(data: bytes) -> None:
    assert decoded(data) is None
    assert readable(data) == data.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("data", "text", "said"),
    [
        pytest.param(WESTERN, "größe → 1", "Windows-1252, which has no '→'", id="no-such-letter"),
        pytest.param(WESTERN, "x = Ã©", "nobody would read", id="would-be-utf-8"),
        pytest.param(WESTERN, "äöüß" * 9, "nobody would read", id="would-be-no-text"),
        pytest.param("\ufeffa".encode("utf-16-le"), "a", "nobody would read", id="mark-gone"),
        pytest.param(b"a", "\ud83d", "half a character", id="surrogate"),
    ],
)
def test_what_is_not_written(data: bytes, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rewritten(data, text)
