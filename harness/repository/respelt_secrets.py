"""Finds secrets that a text spells otherwise than they are used: split over several literals, with
escapes or unseen characters in them, or encoded as a whole.

A second text is made of the lines that have such a place, in which it is undone; what the rules
find there is hidden where it came from. What was encoded is decoded once and judged as a text of
its own. Binary data, hashes, paths and long names are in the same letters as base64; decoded they
are no text, which is told before any rule is tried.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re2

Span = tuple[int, int]
Find = Callable[[bytes], list[Span]]

_NEAR = rb"[A-Za-z0-9_+/=.%-]"
_SIGN = rb"(?:[+.&][ \t]{0,40})?"
_GAP = rb"[ \t]{0,40}" + _SIGN + rb"(?:\\?\r?\n[ \t]{0,200})?" + _SIGN + rb"[fbrFBR]{0,2}"
_JOINT = rb"[\"']" + _GAP + rb"[\"']"
_GOES_ON = rb"\\\r?\n[ \t]{0,200}"
_UNSEEN = rb"\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad"
# Of printable characters of ASCII.
_HEX = rb"[2-7][0-9A-Fa-f]"
_ESCAPE = (
    rb"%(" + _HEX + rb")|\\+u00(" + _HEX + rb")|\\+x(" + _HEX + rb")|&#x(" + _HEX + rb");"
    rb"|&#([0-9]{2,3});"
)
_SOMEWHERE = (
    _NEAR + rb"(?:" + _JOINT + rb"|" + _GOES_ON + rb")" + _NEAR + rb"|" + _UNSEEN + rb"|" + _ESCAPE
)
_PLACE = re.compile(
    rb"(?<=" + _NEAR + rb")(?:" + _JOINT + rb"|" + _GOES_ON + rb")(?=" + _NEAR + rb")"
    rb"|" + _UNSEEN + rb"|" + _ESCAPE.replace(rb"\\+", rb"(?<!\\)\\+")
)

_MIN_ENCODED = 24
_WRAPPED = rb"[A-Za-z0-9+/_-]{24,}(?:\r?\n[ \t]{0,40}[A-Za-z0-9+/_-]{16,})*={0,2}"
_PRINTED = bytes([*range(32, 127), *b"\t\r\n"])
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def respelt_spans(data: bytes, find: Find) -> Iterator[Span]:
    """Yield where in UTF-8 ``data`` such secrets are.

    :param find: finds secrets that a text spells as they are.
    """
    yield from _in_places(data, find)
    yield from _encoded(data, find)


def _in_places(data: bytes, find: Find) -> Iterator[Span]:
    text = _Undone()
    for start, end in _lines(data):
        text.add(data, start, end)
    if text.places:
        for start, end in find(b"".join(text.pieces)):
            at = bisect_left(text.places, start)
            if at < len(text.places) and text.places[at] < end:
                yield text.old(start), text.old_end(end)


class _Undone:
    """The second text, and from where in the first it comes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.places: list[int] = []
        """Where in it something was undone."""
        self._new, self._old = [0], [0]  # from these on both texts go on alike
        self._length = 0

    def add(self, data: bytes, start: int, end: int) -> None:
        """Go on with a part of the first text, which ends a line."""
        self._goes_on(start)
        for match in _PLACE.finditer(data, start, end):
            self._add(data[start : match.start()])
            self.places.append(self._length)
            self._add(_said(match))
            self._goes_on(start := match.end())
        self._add(data[start:end] + b"\n")

    def old(self, at: int) -> int:
        """Where in the first text a place of the second is."""
        one = bisect_right(self._new, at) - 1
        return self._old[one] + at - self._new[one]

    def old_end(self, end: int) -> int:
        """The same for the end of a part; all of an escape belongs to it."""
        last = bisect_right(self._new, end) - 1
        # A joint behind the part is none of it.
        is_escape = self._new[last] == end and self._new[last - 1] < end
        at = bisect_left(self.places, end - 1)
        is_escape = is_escape and at < len(self.places) and self.places[at] == end - 1
        return self.old(end) if is_escape else self.old(end - 1) + 1

    def _add(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self._length += len(piece)

    def _goes_on(self, at: int) -> None:
        self._new.append(self._length)
        self._old.append(at)


def _lines(data: bytes) -> Iterator[Span]:
    """The lines in which something is spelt otherwise, as parts that do not overlap."""
    start = end = 0
    for match in _compiled(_SOMEWHERE).finditer(data):
        if match.start() >= end:
            if end:
                yield start, end
            start = data.rfind(b"\n", end, match.start()) + 1 or end
        if match.end() > end:
            found = data.find(b"\n", match.end())
            end = len(data) if found < 0 else found
    if end:
        yield start, end


def _said(match: re.Match[bytes]) -> bytes:
    *digits, decimal = match.groups()
    for one in digits:
        if one:
            return bytes([int(one, 16)])
    return bytes([int(decimal)]) if decimal and 32 <= int(decimal) < 127 else b""


def _encoded(data: bytes, find: Find) -> Iterator[Span]:
    texts: list[bytes] = []
    ends: list[int] = []
    spans: list[Span] = []
    for match in _compiled(_WRAPPED).finditer(data):
        text = _decoded(match[0])
        if text:
            texts.append(text)
            ends.append((ends[-1] if ends else 0) + len(text) + 1)
            spans.append(match.span())
    if texts:
        for start, end in find(b"\n".join(texts)):
            yield from spans[bisect_right(ends, start) : bisect_right(ends, end - 1) + 1]


def _decoded(encoded: bytes) -> bytes:
    """The text that was encoded; empty: it was none."""
    for decode in (_hex, _base64):
        try:
            # Whoever reads all of a picture to see that it is none has read it once too often.
            if decode(encoded[:_MIN_ENCODED]).translate(None, _PRINTED):
                continue
            text = decode(encoded)
        except (ValueError, binascii.Error):
            continue
        if not text.translate(None, _PRINTED):
            return text
    return b""


def _hex(encoded: bytes) -> bytes:
    return bytes.fromhex(encoded.decode("ascii"))


def _base64(encoded: bytes) -> bytes:
    letters = encoded.translate(_URL_SAFE, b" \t\r\n=")
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))


@cache
def _compiled(regex: bytes) -> re2._Regexp:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.encoding = re2.Options.Encoding.LATIN1  # bytes as they are
    return re2.compile(regex, options)
