"""Finds private keys between their armour lines, in time that grows with the text only.

In a string of a program the line ends of a key are escaped, quoted or concatenated. The body must
run for a line's worth of base64, so that tests and parsers that only mention the header, or show
``MIIE...``, stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import re2

from harness.repository.stand_ins import is_stand_in

# Before anything else, because a text without it has no armour.
_MARK = b"PRIVATE KEY"
# RFC 7468 and 4716 (SSH2: four hyphens and blanks).
_HEADER = r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_END = r"-{4,5} ?END (?:[A-Z0-9 ]{1,40} ?-{4,5})?"
# Line ends of a string, quotes and what joins strings.
_ESCAPES = (b"\\r", b"\\n", b"\\t")
_NOISE = b" \t\r\n\"'`+,;()\\"
_COMMENT = b"#*"
_BASE64_RUN = r"[A-Za-z0-9/=]{80,}"
# What a body without an end may hold.
_OPEN_BODY = r"(?:[A-Za-z0-9+/=]{20,}|[\s\"'+,#*\\:.-]|[a-zA-Z-]{1,20}: [^\n]{0,80}\n)*"
_MAX_BODY_BYTES = 20_000


def private_keys(data: bytes, *, suspected: bool = False) -> Iterator[tuple[int, int]]:
    """Yield where in UTF-8 ``data`` the private keys are, armour lines included; ascending.

    :param suspected: also keys with a shortened body or without an end.
    """
    if _MARK not in data:
        return
    for header in _compiled(_HEADER).finditer(data):
        start, body_start = header.span()
        # Every search ends at the next armour, so all of them together read the text once.
        body_end = data.find(b"----", body_start)
        closed = body_end >= 0 and _compiled(_END).match(data, body_end)
        if closed:
            body = data[body_start:body_end]
            if suspected or (len(body) <= _MAX_BODY_BYTES and _is_key(body)):
                yield start, closed.end()
            continue
        body_end = len(data) if body_end < 0 else body_end
        body = data[body_start : min(body_end, body_start + _MAX_BODY_BYTES)]
        if suspected:
            yield start, body_end
        elif _is_key(body):
            yield start, body_start + _compiled(_OPEN_BODY).match(body).end()


def _is_key(body: bytes) -> bool:
    for escape in _ESCAPES:
        body = body.replace(escape, b"\n")
    lines = (line.strip(_NOISE).lstrip(_COMMENT).strip() for line in body.split(b"\n"))
    # Attributes above the body: `DEK-Info: AES-128-CBC,…`, `Version: GnuPG v2`.
    kept = (line.removeprefix(b"//") for line in lines if b": " not in line)
    plain = b"".join(kept).translate(None, _NOISE)
    runs = _compiled(_BASE64_RUN).findall(plain)
    return any(not is_stand_in(run.decode()) for run in runs)


@cache
def _compiled(regex: str) -> re2._Regexp:
    return re2.compile(regex)
