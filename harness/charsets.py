"""In which encoding a file of text is, and its text: one rule for all who read or write sources.

A file with the mark of UTF-16 is that; else UTF-8. What is neither, but text beyond doubt, is read
as Windows-1252, which holds Latin-1's letters: the encoding of old sources in western languages.
One in another old encoding keeps its code, and shows other letters in its comments. Each byte is
one character there and each of these one byte, so a text that is written back has every byte it
had.

Nothing of Harness is imported here, so that stand-alone scripts can use it. All of it takes linear
time, and memory for a few copies of the file.
"""

from __future__ import annotations

import codecs
from enum import Enum
from typing import Final

MARK: Final = "\ufeff"
"""The byte order mark, as it stands before a decoded text."""

# Windows-1252 with its five unused bytes as the control characters of Latin-1, as browsers read it
# (https://encoding.spec.whatwg.org/#windows-1252): so no byte is without a character.
_LETTERS = "".join(
    chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode("cp1252")
    for byte in range(256)
)
_BYTES = codecs.charmap_build(_LETTERS)
_ASCII = bytes(range(0x80))
# Text has tabs, line ends, form feeds, the end mark of DOS and escapes of terminals, and no others.
_CONTROLS = bytes({*range(0x20), 0x7F, 0x81, 0x8D, 0x8F, 0x90, 0x9D} - {*b"\t\n\v\f\r\x1a\x1b"})
# Random bytes have 100 such in 1,000.
_MOST_CONTROLS = 1 / 1000
# German has 2 % of letters beyond ASCII and French 4 %; compressed data and text in other scripts,
# which nobody would recognise, have half and more.
_MOST_BEYOND_ASCII = 0.3
_BINARY_HEAD_BYTES = 8_000


class Charset(Enum):
    """An encoding of files, by the name that people know it by."""

    UTF_8 = "UTF-8"
    UTF_16_LE = "UTF-16 (LE)"
    UTF_16_BE = "UTF-16 (BE)"
    WINDOWS_1252 = "Windows-1252"

    def decode(self, data: bytes) -> str:
        """Return the text of a file, its byte order mark included.

        :raises UnicodeDecodeError: the bytes are not in this encoding.
        """
        if self is Charset.WINDOWS_1252:
            return codecs.charmap_decode(data, "strict", _LETTERS)[0]
        return data.decode(_CODECS[self])

    def encode(self, text: str) -> bytes:
        """Return the bytes of which :meth:`decode` makes this text.

        :raises UnicodeEncodeError: the encoding lacks one of its characters.
        """
        if self is Charset.WINDOWS_1252:
            return codecs.charmap_encode(text, "strict", _BYTES)[0]
        return text.encode(_CODECS[self])


_CODECS = {
    Charset.UTF_8: "utf-8",
    Charset.UTF_16_LE: "utf-16-le",
    Charset.UTF_16_BE: "utf-16-be",
}


def decoded(data: bytes) -> tuple[str, Charset] | None:
    """Return the text of a file, with its byte order mark if it has one, and its encoding; None: it
    is no text. A NUL makes a file binary, in every encoding."""
    marked = _marked(data)
    if marked is None and b"\0" in data:
        return None
    try:
        charset = marked or Charset.UTF_8
        text = charset.decode(data)
    except UnicodeDecodeError:
        if marked is not None or not _is_western(data):
            return None
        charset = Charset.WINDOWS_1252
        text = charset.decode(data)
    return None if "\0" in text else (text, charset)


def readable(data: bytes) -> str:
    """Return the text of a file whatever it holds: what is no text has U+FFFD for its bytes."""
    found = decoded(data)
    return data.decode("utf-8", "replace") if found is None else found[0]


def rewritten(data: bytes, text: str) -> bytes:
    """Return a file's new bytes: its new text, byte order mark included, in the encoding it has.

    :param data: its bytes so far, of which :func:`decoded` made a text; none for a new file.
    :raises ValueError: these bytes would not be read as this text; the message is for people.
    """
    found = decoded(data)
    charset = Charset.UTF_8 if found is None else found[1]
    try:
        encoded = charset.encode(text)
    except UnicodeEncodeError as error:
        character = text[error.start]
        if "\ud800" <= character <= "\udfff":
            raise ValueError(
                "the text holds half a character (a lone surrogate); send the whole character"
            ) from None
        raise ValueError(
            f"the file is in {charset.value}, which has no {character!r}; use other characters, or "
            "an escape of the language"
        ) from None
    again = decoded(encoded)
    if charset is not Charset.UTF_8 and (again is None or again[0] != text):
        raise ValueError(
            f"the file is in {charset.value}, and nobody would read the new text as that; change "
            "it with run"
        )
    return encoded


def is_other(data: bytes) -> bool:
    """Tell whether a file is text in another encoding than UTF-8."""
    found = decoded(data)
    return found is not None and found[1] is not Charset.UTF_8


def looks_binary(data: bytes) -> bool:
    """Tell by the beginning of a file whether there is no use in showing it."""
    return _marked(data) is None and b"\0" in data[:_BINARY_HEAD_BYTES]


def _marked(data: bytes) -> Charset | None:
    if data.startswith(codecs.BOM_UTF16_LE):
        # UTF-32's mark begins with this one.
        return None if data.startswith(codecs.BOM_UTF32_LE) else Charset.UTF_16_LE
    return Charset.UTF_16_BE if data.startswith(codecs.BOM_UTF16_BE) else None


def _is_western(data: bytes) -> bool:
    if data.startswith(codecs.BOM_UTF8):
        return False  # damaged
    controls = len(data) - len(data.translate(None, _CONTROLS))
    beyond = len(data.translate(None, _ASCII))
    return controls <= _MOST_CONTROLS * len(data) and beyond <= _MOST_BEYOND_ASCII * len(data)
