"""Scripts that put no blanks between words: their runs of letters are cut into short pieces.

What a word is in such a run, only a dictionary knows. Every two neighbouring letters are a term
instead, as in Lucene's CJK analyzer, and every single one, for words of one letter. Korean has
blanks, but its words carry endings that questions leave out, so it is cut as well.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby, pairwise
from unicodedata import category

_RANGES = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e80-\u0ecf\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f\ua9e0-\ua9ef\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17d3\u17dc\u17dd"  # Khmer
    "\u1950-\u19cf\u1a20-\u1a7c"  # Tai Le, New Tai Lue, Tai Tham
    "\u1b00-\u1b4b\ua980-\ua9c0"  # Balinese, Javanese
    "\u2e80-\u2fd5\u3005-\u3007\u3021-\u3029\u3038-\u303b"  # Han: radicals, marks, numerals
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Kana
    "\u3105-\u312f\u31a0-\u31bf\ua000-\ua48c"  # Bopomofo, Yi
    "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb"  # Hangul
)
_FIRST_MARK, _LAST_MARK = 0x0300, 0x1E94A
"""All combining marks but the invisible ones of the last planes, which folding is free to leave."""


def has_unspaced(text: str) -> bool:
    """Tell whether some letter is of a script without blanks between words.

    :param text: any text.
    """
    return not text.isascii() and _runs().search(text) is not None


def runs(word: str) -> list[tuple[str, bool]]:
    """Cut a word where a script without blanks begins or ends.

    :param word: letters, marks, digits and underscores.
    :returns: the pieces in order; True for those of such a script.
    """
    found = enumerate(_runs().split(word))
    return [(piece, place % 2 == 1) for place, piece in found if piece]


def grams(run: str) -> list[str]:
    """Every two neighbouring letters of a run, then every single one; a letter's marks stay
    with it.

    :param run: letters of a script without blanks, folded.
    """
    letters = _letters().findall(run)
    return [left + right for left, right in pairwise(letters)] + letters


@cache
def _runs() -> re.Pattern[str]:
    # Made when first needed, which in most processes is never.
    return re.compile(f"([{_RANGES}]+)")


@cache
def marks() -> str:
    """All combining marks, for a character class: ``\\w`` does not match them, although vowels
    of many scripts are marks. Made when first needed, in some 10 ms."""
    every = [n for n in range(_FIRST_MARK, _LAST_MARK + 1) if category(chr(n))[0] == "M"]
    # As ranges: a class of single characters takes three times as long to match.
    found: list[str] = []
    for _, run in groupby(enumerate(every), lambda one: one[1] - one[0]):
        numbers = [number for _, number in run]
        found.append(f"{chr(numbers[0])}-{chr(numbers[-1])}")
    return "".join(found)


@cache
def _letters() -> re.Pattern[str]:
    return re.compile(f"[^{marks()}][{marks()}]*|[{marks()}]+")
