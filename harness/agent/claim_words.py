"""Whether the lines that a claim cites have anything to do with it.

That a line exists says little: a blank one did for a verified citation. The claim is the sentence
around the citation; one of its telling words has to be in the lines, in the names of the
definitions around them, or in the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_QUOTED = re.compile(r"`([^`\n]{1,80})`")
_DULL_WORDS = """
about above after again also answer before being below between both call called calls class code
could defined definition does done each file files find found following from function have here
into its itself lies line lines located look made make method more most name named only other place
repository return returns same section see self seen shown some such than that their them then there
these they this those through under used uses using very was were what when where which while will
with within without would your true false none null
"""
_DULL = frozenset(_DULL_WORDS.split())
# Letters that two words must share from their beginning to count as one: signs, signed, signing.
_STEM = 4


def telling_words(claim: str) -> frozenset[str]:
    """Return what a claim is about: its words of four letters or more, and all of its code."""
    words = {part.lower() for code in _QUOTED.findall(claim) for part in _PART.findall(code)}
    for word in _WORD.findall(_QUOTED.sub(" ", claim)):
        words.update(part.lower() for part in _PART.findall(word) if len(part) >= 4)
    return frozenset(word for word in words if word not in _DULL and len(word) > 1)


def bears_out(claim: str, lines: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether cited lines may say what a claim says.

    :param claim: the sentence, without its citations; one without telling words claims nothing.
    :param names: of the file and of the definitions around the lines.
    """
    if not any(character.isalnum() for line in lines for character in line):
        return False
    wanted = wanted_stems(claim)
    return not wanted or not wanted.isdisjoint(stems_in([*lines, *names]))


def wanted_stems(claim: str) -> frozenset[str]:
    """Return the beginnings of what a claim or a question is about."""
    return frozenset(word[:_STEM] for word in telling_words(claim))


def stems_in(lines: Iterable[str]) -> frozenset[str]:
    """Return the beginnings of all words in lines of code, and of the parts of names."""
    return frozenset(word[:_STEM] for line in lines for word in words_in(line))


def words_in(text: str) -> frozenset[str]:
    """Return all words of a text in lower case, and the parts of names."""
    return frozenset(
        part.lower()
        for word in _WORD.findall(text.replace("_", " "))
        for part in [*_PART.findall(word), word]
    )


def claim_around(answer: str, start: int, end: int) -> str:
    """Return the sentence or list item in which a citation stands, without the citation.

    A citation that stands alone belongs to the line before.
    """
    begin = max(answer.rfind(mark, 0, start) for mark in ("\n", ". ", "! ", "? ", "; "))
    stop = re.compile(r"[.!?;](?=\s|\Z)|\n|\Z").search(answer, end)
    sentence = f"{answer[begin + 1 : start]} {answer[end : stop.start() if stop else None]}"
    if telling_words(sentence) or begin < 0:
        return sentence
    above = answer[:begin].rstrip().rpartition("\n")[2]
    return f"{above} {sentence}"
