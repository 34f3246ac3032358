"""Finds the word that was meant by one that is misspelt, among words that are there.

Pure functions over lower-case words. The distance counts letters left out, added, exchanged or
swapped with their neighbour ("optimal string alignment", Boytsov 2011, "Indexing methods for
approximate dictionary searching"), each as one slip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SHORTEST = 5
"""Letters that a word has at least; shorter ones are near too many others."""

_TWO_SLIPS_FROM = 9
"""Letters from which on two slips are thought of, otherwise one."""

_IN_COMMON = 1
"""Letters at the beginning that are the same: few slip there."""


def most_slips(word: str) -> int:
    """How many slips of the pen a word of this length may have.

    :param word: as it was typed.
    """
    if len(word) < SHORTEST:
        return 0
    return 2 if len(word) >= _TWO_SLIPS_FROM else 1


def nearest(word: str, known: Mapping[str, int]) -> str:
    """The known word that was most likely meant, the one with the fewest slips and of these the
    most frequent; empty if none is near.

    :param word: lower-case.
    :param known: words and how frequent they are.
    """
    most = most_slips(word)
    if not most:
        return ""
    found: list[tuple[int, int, str]] = []
    for other in _near_in_form(word, known, most):
        slips = distance(word, other, most)
        if slips <= most:
            found.append((slips, -known[other], other))
    return min(found)[2] if found else ""


def _near_in_form(word: str, known: Iterable[str], most: int) -> Iterable[str]:
    start = word[:_IN_COMMON]
    shortest, longest = max(SHORTEST - 1, len(word) - most), len(word) + most
    return (one for one in known if one.startswith(start) and shortest <= len(one) <= longest)


def distance(one: str, other: str, most: int) -> int:
    """Slips between two words; ``most + 1`` for all that is more than ``most``.

    :param one: a word.
    :param other: another.
    :param most: slips that are of interest.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        before, last, row = row, before, [at]
        for place, wanted in enumerate(other, start=1):
            slips = min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != wanted))
            if at > 1 and place > 1 and letter == other[place - 2] and one[at - 2] == wanted:
                slips = min(slips, last[place - 2] + 1)
            row.append(slips)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
