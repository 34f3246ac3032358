"""Where in a chunk its definitions are, and in which other ones. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.types import Chunk


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that starts in a chunk: ``line`` is 1-based in the file, ``symbol`` its name
    after those of the definitions that it is in."""

    name: str
    symbol: str
    line: int
    text: str


def definitions_of(chunk: Chunk) -> list[Definition]:
    """The definitions of a chunk, in order of their lines.

    The index keeps their names only, each once and in order: a definition is at the first line
    that has its name after the one before, and again at lines that lead up to it with the same
    words, such as ``def`` or ``public void``. What it is in is read off the indentation: the
    definitions before it that stand further left; and the chunk's own symbol for what lies outside.
    """
    lines = chunk.text.split("\n")
    found: list[Definition] = []
    open_ones: list[tuple[int, str]] = []
    outside = _outside(chunk)
    for at, name in _places(lines, chunk.definitions):
        indent = len(lines[at]) - len(lines[at].lstrip())
        open_ones = [one for one in open_ones if one[0] < indent]
        path = [*outside, *(one for _, one in open_ones), name]
        open_ones.append((indent, name))
        line = min(chunk.start_line + at, chunk.end_line)
        found.append(Definition(name, ".".join(path), line, lines[at].strip()))
    return found


def _outside(chunk: Chunk) -> list[str]:
    """The part of the chunk's own path that does not begin in it: a chunk that starts with a class
    is called after the method that fills it."""
    path = chunk.symbol.split(".") if chunk.symbol else []
    for start in range(len(path)):
        names = iter(chunk.definitions)
        if all(part in names for part in path[start:]):
            return path[:start]
    return path


def _places(lines: Sequence[str], names: Iterable[str]) -> list[tuple[int, str]]:
    places: list[tuple[int, str]] = []
    at = 0
    for name in names:
        with_name = [n for n in range(at, len(lines)) if has_word(lines[n], name)]
        if not with_name:
            continue
        at = with_name[0]
        before = _before(lines[at], name)
        same = [n for n in with_name[1:] if before and _before(lines[n], name) == before]
        places.extend((n, name) for n in (at, *same))
    return sorted(places, key=lambda place: place[0])


def _before(line: str, name: str) -> str:
    found = _word(name).search(line)
    return line[: found.start()].strip() if found else ""


def lines_with(chunk: Chunk, name: str) -> Iterator[tuple[int, str]]:
    """The lines of a chunk that have a name as a whole word: 1-based number in the file, text."""
    for offset, line in enumerate(chunk.text.split("\n")):
        if has_word(line, name):
            yield min(chunk.start_line + offset, chunk.end_line), line.strip()


def has_word(line: str, name: str) -> bool:
    """Whether a line has a name that no other letter, digit or underscore continues."""
    return _word(name).search(line) is not None


@lru_cache(maxsize=1 << 10)
def _word(name: str) -> re.Pattern[str]:
    # A name may begin or end with another sign: push!, ~Session, operator==.
    left = r"(?<!\w)" if name[:1].isalnum() or name[:1] == "_" else ""
    right = r"(?!\w)" if name[-1:].isalnum() or name[-1:] == "_" else ""
    return re.compile(left + re.escape(name) + right)
