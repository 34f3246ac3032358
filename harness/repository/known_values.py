"""Finds secrets that are known in a text, as they are and in the forms that programs print them in.

The time grows with the text's length alone, however many values there are: at each place the first
characters decide whether any value may begin there, and values are at most :data:`_PIECE_BYTES`
long, because longer ones are looked for in pieces.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from harness.repository.credentials import without
from harness.repository.secret_finding import Span, merged

# What is shorter, in whatever form, is found all over a text.
_HEAD_BYTES = 8
# A line of a key in PEM.
_PIECE_BYTES = 64
# Pieces overlap: of an encoded one the signs at its ends may hold bits of what stands beside it.
_OVERLAP_BYTES = 4

_ALPHANUMERIC = bytes(byte for byte in range(128) if chr(byte).isalnum())
_NO_ALPHANUMERIC = bytes(byte for byte in range(256) if byte not in _ALPHANUMERIC)
_NO_HEX = bytes(byte for byte in range(256) if byte not in b"0123456789abcdef")
# Of URLs, JSON and programs, HTML, and mail (quoted-printable).
_ESCAPE = re.compile(
    rb"%([0-9A-Fa-f]{2})|\\u00([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\([0-3][0-7]{2})"
    rb"|&#x([0-9A-Fa-f]{1,2});|&#([0-9]{1,3});|&(?:amp|lt|gt|quot|apos);|=([0-9A-F]{2})|=\r?\n|\\[abfnrtv]"
)
_BASES = (16, 16, 16, 8, 16, 10, 16)
# Hexadecimal numbers of a program, of which only the digits count.
_HEX_MARK = re.compile(rb"0[xX]")

_View = tuple[bytes, Callable[[], tuple[Sequence[int], Sequence[int]]]]
"""A text in another form, and, for each of its bytes, the first and the last one of the text that
it comes from."""


class KnownValues:
    """Values that are hidden wherever they occur, also in base64 or base32 (at any place of what
    was encoded, wrapped or not), in hexadecimal digits, with escapes of URLs, JSON, programs, HTML
    or mail, backwards, or with blanks and signs between.

    Not found: what is encoded twice, packed, encrypted, or spelt with other letters.

    :param values: shorter ones than 8 bytes are left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        data = {value.encode("utf-8", "surrogatepass") for value in values}
        pieces = {piece for value in data for piece in _pieces(value)}
        self._plain = _Finder(pieces)
        self._letters = _Finder(form for piece in pieces for form in _forms(piece))
        self._hex = _Finder(piece.hex().encode() for piece in pieces)

    def hide(self, text: str) -> str:
        """Put ``[redacted]`` in the place of every value; line ends stay."""
        if not self._plain.values:
            return text
        data = text.encode("utf-8", "surrogatepass")
        found = list(self._plain.spans(data))
        for view, finder in (
            (_alphanumeric(data), self._letters),
            (_unescaped(data), self._letters),
            (_hex(data), self._hex),
        ):
            seen, origins = view
            spans = list(finder.spans(seen))
            if spans:
                first, last = origins()
                found += [(first[start], last[end - 1] + 1) for start, end in spans]
        return without(data, merged(found)).decode("utf-8", "surrogatepass") if found else text


class _Finder:
    """Finds any of many values in one pass; longer ones than 128 bytes in pieces."""

    def __init__(self, values: Iterable[bytes]) -> None:
        self.values = frozenset(
            piece for value in values for piece in _pieces(value, 2 * _PIECE_BYTES)
        )
        lengths: dict[bytes, set[int]] = {}
        for value in self.values:
            lengths.setdefault(value[:_HEAD_BYTES], set()).add(len(value))
        self._lengths = {head: sorted(found, reverse=True) for head, found in lengths.items()}

    def spans(self, data: bytes) -> Iterator[Span]:
        """Where values are; they may overlap, the longest at each place."""
        lengths, values = self._lengths, self.values
        if not lengths:
            return
        for at in range(len(data) - _HEAD_BYTES + 1):
            found = lengths.get(data[at : at + _HEAD_BYTES])
            if found is not None:
                for length in found:
                    if data[at : at + length] in values:
                        yield at, at + length
                        break


def _pieces(value: bytes, most: int = _PIECE_BYTES) -> Iterator[bytes]:
    if len(value) < _HEAD_BYTES:
        return
    for start in range(0, max(1, len(value) - _OVERLAP_BYTES), most - _OVERLAP_BYTES):
        # The last one is as long as the others, so that none is too short to be looked for.
        yield value[max(0, min(start, len(value) - most)) : start + most]


def _forms(value: bytes) -> Iterator[bytes]:
    """What is left of a value's encodings without all that is no letter or digit."""
    plain = value.translate(None, _NO_ALPHANUMERIC)
    yield plain
    yield plain[::-1]
    for encode, bits in ((base64.b64encode, 6), (base64.b32encode, 5)):
        for shift in range(3 if bits == 6 else 5):
            encoded = encode(bytes(shift) + value)
            # The characters that hold no bit of what stands before or behind.
            first, last = -(-8 * shift // bits), 8 * (shift + len(value)) // bits
            yield encoded[first:last].translate(None, _NO_ALPHANUMERIC)


def _alphanumeric(data: bytes) -> _View:
    return data.translate(None, _NO_ALPHANUMERIC), lambda: _kept(data, _ALPHANUMERIC)


def _hex(data: bytes) -> _View:
    # A mark becomes as many bytes that are left out.
    lower = _HEX_MARK.sub(b"--", data).lower()
    return lower.translate(None, _NO_HEX), lambda: _kept(lower, b"0123456789abcdef")


def _unescaped(data: bytes) -> _View:
    plain = _ESCAPE.sub(_character, data)
    return plain.translate(None, _NO_ALPHANUMERIC), lambda: _origins(data)


def _kept(data: bytes, alphabet: bytes) -> tuple[list[int], list[int]]:
    wanted = frozenset(alphabet)
    places = [at for at, byte in enumerate(data) if byte in wanted]
    return places, places


def _character(match: re.Match[bytes]) -> bytes:
    for digits, base in zip(match.groups(), _BASES, strict=True):
        if digits is not None:
            return bytes([int(digits, base) & 0xFF])
    return b""


def _origins(data: bytes) -> tuple[list[int], list[int]]:
    wanted = frozenset(_ALPHANUMERIC)
    first: list[int] = []
    last: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(data):
        plain = [here for here in range(at, match.start()) if data[here] in wanted]
        first += plain
        last += plain
        if _character(match).isalnum():
            first.append(match.start())
            last.append(match.end() - 1)
        at = match.end()
    plain = [here for here in range(at, len(data)) if data[here] in wanted]
    return first + plain, last + plain
