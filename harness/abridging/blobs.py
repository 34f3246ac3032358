"""Data within a line: encoded files, escaped bytes, numbers, the paths of drawings.

Time is linear in the line: each pattern has one way to match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from harness.abridging.marks import characters_left_out

_MIN_ENCODED_CHARS = 200
_SURE_CHARS = 1_000
_MIN_NUMBER_CHARS = 400
_JUDGED_CHARS = 400
# Letters, cases and digits change places in 64 % of the steps of base64, in 25 % of a path's.
_MIN_CHANGES = 0.42
_MIN_DIGITS = 0.3
_HEX = frozenset("0123456789abcdef-")

# A file as an address. Quotes end it even where a drawing is written out in it: its paths are
# numbers and are found as such.
_PAYLOAD = re.compile(
    r"(\bdata:[\w.+-]{1,60}/[\w.+-]{1,80}[^,\s\"'<>()]{0,120},)([^\s\"'<>()\\]{100,})"
)
_ENCODED = re.compile(rf"(?:[A-Za-z0-9+/=_-]|\\[nr/]){{{_MIN_ENCODED_CHARS},}}")
_ESCAPED = re.compile(
    r"(?:\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{1,3}+|[abefnrtv\\'\"])[^\\\s\"'`]{0,3}){40,}"
)
_NUMBERS = re.compile(
    rf"[\d\s.,;:+\-\[\](){{}}MmLlHhVvCcSsQqTtAaZzEeXxa-fA-F]{{{_MIN_NUMBER_CHARS},}}"
)


def without_blobs(line: str) -> str:
    """Put a mark in the place of data; the rest of the line stays as it is."""
    line = _PAYLOAD.sub(lambda found: found[1] + characters_left_out(len(found[2])), line)
    line = _ENCODED.sub(_where(is_encoded), line)
    line = _ESCAPED.sub(_where(lambda _: True), line)
    return _NUMBERS.sub(_where(_is_numbers), line)


def is_encoded(run: str) -> bool:
    """Tell base64 and hexadecimal digits from paths, names and rulers.

    :param run: a word without blanks.
    """
    head = run[:_JUDGED_CHARS]
    if not any(map(str.isalnum, head)):
        return False
    if len(run) >= _SURE_CHARS:
        return True
    digits = sum(map(str.isdigit, head))
    if digits >= _MIN_DIGITS * len(head) and _HEX.issuperset(head.lower()):
        return True
    kinds = [3 if c.isdigit() else 1 if c.islower() else 2 if c.isupper() else 0 for c in head]
    changes = sum(a != b for a, b in pairwise(kinds))
    return digits > 0 and changes >= _MIN_CHANGES * len(head)


def _where(is_data: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        return characters_left_out(len(found[0])) if is_data(found[0]) else found[0]

    return replace


def _is_numbers(run: str) -> bool:
    packed = "".join(run.split())
    if len(packed) < _MIN_NUMBER_CHARS // 4:
        return False
    return sum(map(str.isdigit, packed)) >= _MIN_DIGITS * len(packed)
