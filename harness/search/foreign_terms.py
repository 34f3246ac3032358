"""Terms of the field in other natural languages, and what code calls them.

``foreign_terms.txt`` has a line for each meaning. It is read when a question first has a word that
the index does not know, and not before.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.folding import fold
from harness.models import scripts

FILE = Path(__file__).with_name("foreign_terms.txt")

LANGUAGES = ("de", "fr", "es", "pt", "ru", "zh", "ja")
"""Columns of the file after the first, which is English."""

_ENDING, _LONG = 5, 6
"""Letters that a word may have beyond an entry of so many letters: "Umleitungen" is "umleit" and an
ending. A shorter entry may have two fewer than its own, as English words begin like it ("capacity",
"portable"), or in another alphabet as many."""

_LINKS = ("", "s", "n", "es", "en")
"""What German puts between the parts of a compound."""

_PART = 3
"""Letters that a compound's part has more than."""

Meanings = tuple[str, ...]
"""What a word may be in English, the most usual first; each is a word, or several with blanks."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One language. ``meanings`` of each entry and ``silent``, the words that say nothing, are as
    :func:`plain` gives them. ``is_unspaced``: it has no blanks between words. ``longest``: letters
    of the longest entry."""

    meanings: dict[str, Meanings]
    silent: frozenset[str]
    is_unspaced: bool
    longest: int

    def of_word(self, word: str, is_known: Callable[[str], bool]) -> tuple[Meanings, ...]:
        """The meanings of a word, or of each part that it is put together from; empty if unknown.

        :param word: as :func:`plain` gives it.
        :param is_known: tells whether a part needs no translation.
        """
        found = self._entry(word)
        return (found,) if found else self._compound(word, is_known)

    def _entry(self, word: str) -> Meanings:
        for size in range(len(word), 1, -1):
            short = size - 2 if word.isascii() else size
            found = self.meanings.get(word[:size], ())
            if found and len(word) - size <= (_ENDING if size >= _LONG else short):
                return found
        return ()

    def _compound(self, word: str, is_known: Callable[[str], bool]) -> tuple[Meanings, ...]:
        for size in range(len(word) - _PART, _PART, -1):
            first = self.meanings.get(word[:size])
            for link in _LINKS if first else ():
                rest = word[size:].removeprefix(link) if word.startswith(link, size) else ""
                if len(rest) > _PART:
                    last = self._entry(rest) or ((rest,) if is_known(rest) else ())
                    if first and last:
                        return first, last
        return ()

    def cut(self, run: str) -> list[str]:
        """The entries in letters without blanks between words, the longest at each place, and what
        is between them.

        :param run: as :func:`plain` gives it.
        """
        found: list[str] = []
        at = rest = 0
        while at < len(run):
            if entry := self._longest_at(run, at):
                found += [run[rest:at], entry]
                at = rest = at + len(entry)
            else:
                at += 1
        return list(filter(None, [*found, run[rest:]]))

    def _longest_at(self, run: str, at: int) -> str:
        for size in range(min(self.longest, len(run) - at), 0, -1):
            entry = run[at : at + size]
            if entry in self.meanings or entry in self.silent:
                return entry
        return ""


def plain(word: str) -> str:
    """A word as it is compared: folded, and in scripts with blanks without accents, which many
    leave out.

    :param word: of a question or of the file.
    """
    folded = fold(word)
    if folded.isascii() or scripts.has_unspaced(folded):
        return folded
    apart = unicodedata.normalize("NFD", folded)
    return "".join(char for char in apart if not unicodedata.combining(char))


@cache
def vocabularies() -> dict[str, Vocabulary]:
    """All languages of the file, by their short names in its order."""
    meanings: dict[str, dict[str, list[str]]] = {language: {} for language in LANGUAGES}
    silent: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        english, *columns = line.split("|")
        for language, entries in zip(LANGUAGES, columns, strict=True):
            for entry in map(plain, entries.replace("-", "").split()):
                if not english:
                    silent[language].add(entry)
                    continue
                known = meanings[language].setdefault(entry, [])
                known.extend(one for one in english.split(", ") if one not in known)
    return {
        language: Vocabulary(
            {entry: tuple(words) for entry, words in meanings[language].items()},
            frozenset(silent[language]),
            language in ("zh", "ja"),
            max(map(len, [*meanings[language], *silent[language]])),
        )
        for language in LANGUAGES
    }
