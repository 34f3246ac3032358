"""Where in a chunk its definitions are, and in which other ones. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.folding import fold
from harness.types import Chunk

_QUOTES = frozenset("\"'`")
_COMMENT = re.compile(r"\s*(?://|/\*|\*(?:\s|$)|#(?:[\s!#]|$)|--(?:\s|$)|;;)")
# What stands before a name that is defined there: the word that defines it, then in some languages
# a receiver, type parameters, or the type that gets a member ("func (s *Server)", "fun <T> List.").
_DEFINING = re.compile(
    r"(?:^|[^\w.])(?:def\w*|func|function\*?|fun|fn|sub|proc|procedure|method|macro|define|class|struct"
    r"|interface|protocol|enum(?: class| struct)?|trait|union|object|actor|module|namespace|record"
    r"|type|typealias|contract|const|let|val|var)!?"
    r"(?:\s*<[^<>]*>|\s*\([^()]*\))?\s+(?:[\w<>]+(?:\.|::?))*$"
)
# The head of a block that is called by a string: resource "aws_vpc" "main" {
_BLOCK = re.compile(r"\s*[a-z_]+\s+(?:\"[^\"]*\"\s+)*\"")
_BLOCK_REST = re.compile(r"\"(?:\s+\"[^\"]*\")*\s*\{")
_BLOCK_HEAD = re.compile(r"\s*([a-z_]+)((?:\s+\"[^\"]*\")+)\s*\{")
# What stands before a name that is only used there.
_USING = re.compile(
    r"(?:\.|->|[(=!,?:&|<>\[+]"
    r"|\b(?:return|await|co_await|yield|new|throw|raise|if|elsif|elif|unless|while|until|when|case|in|not"
    r"|and|or|do|then|else|extends|implements|with|import|from|using|include|require|goto|call))\s*$"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that starts in a chunk: ``line`` is 1-based in the file, ``symbol`` its name
    after those of the definitions that it is in."""

    name: str
    symbol: str
    line: int
    text: str


def is_inside(symbol: str, outer: Sequence[str]) -> bool:
    """Tell whether a definition is where a qualified name says.

    :param symbol: its path, as :attr:`Definition.symbol` has it.
    :param outer: the names around it, folded, the outermost first; of none, everything is.
    """
    around = [fold(part) for part in symbol.split(".")[:-1]]
    return not outer or around[-len(outer) :] == list(outer)


def definitions_of(chunk: Chunk) -> list[Definition]:
    """The definitions of a chunk, in order of their lines.

    The index keeps their names only, each once and in order: of the lines that have the name after
    the definition before, it is at the first of those that look most like one (:func:`_likeness`),
    and again at lines that lead up to it with the same words, such as ``def`` or ``public void``.
    What it is in is read off the indentation: the definitions before it that stand further left;
    and the chunk's own symbol for what lies outside.
    """
    lines = chunk.text.split("\n")
    found: list[Definition] = []
    open_ones: list[tuple[int, str]] = []
    outside = _outside(chunk)
    for at, name in _places(lines, chunk.definitions):
        indent = len(lines[at]) - len(lines[at].lstrip())
        open_ones = [one for one in open_ones if one[0] < indent]
        around = [*outside, *(one for _, one in open_ones)]
        called = _called_as(lines[at], name)
        path = called if called and called[: len(around)] == around else [*around, name]
        open_ones.append((indent, name))
        line = min(chunk.start_line + at, chunk.end_line)
        found.append(Definition(name, ".".join(path), line, lines[at].strip()))
    return found


def _called_as(line: str, name: str) -> list[str]:
    """How Terraform refers to a block that has a name for a label: ``aws_vpc.main``,
    ``data.aws_ami.base``; nothing when no block of it begins there."""
    head = _BLOCK_HEAD.match(line)
    labels = [] if head is None else re.findall(r"\"([^\"]*)\"", head[2])
    if head is None or name not in labels:
        return []
    kind = [] if head[1] == "resource" else [head[1]]
    return [*kind, *labels[: labels.index(name) + 1]]


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
        if len(with_name) > 1:
            at = max(with_name, key=lambda n: _likeness(lines[n], name))
        before = _before(lines[at], name)
        same = [n for n in with_name if n > at and before and _before(lines[n], name) == before]
        places.extend((n, name) for n in (at, *same))
    return sorted(places, key=lambda place: place[0])


def _likeness(line: str, name: str) -> int:
    """How much a line with a name looks as if it defined it, from 0, a comment or a string, to 3,
    a word like ``def`` before it; a definition without such a word (C, Java) is 2, a use 1."""
    if _COMMENT.match(line):
        return 0
    at = _word_at(line, name)
    before, after = line[:at], line[at + len(name) :]
    if _is_quoted(line, name):
        return 3 if _BLOCK.fullmatch(before) and _BLOCK_REST.match(after) else 0
    if before.count('"') % 2:
        return 0
    if _DEFINING.search(before):
        return 3
    if after.startswith((".", "->")):
        return 1
    called = not before.strip() and after.startswith("(") and after.rstrip().endswith(";")
    return 1 if called or _USING.search(before) else 2


def _is_quoted(line: str, name: str) -> bool:
    """Whether a name is the beginning or the end of a string: in a list of what a module exports,
    or in a decorator, it is not defined."""
    at = _word_at(line, name)
    return (
        line[max(0, at - 1) : at] in _QUOTES or line[at + len(name) : at + len(name) + 1] in _QUOTES
    )


def _before(line: str, name: str) -> str:
    return line[: max(0, _word_at(line, name))].strip()


def lines_with(chunk: Chunk, name: str) -> Iterator[tuple[int, str]]:
    """The lines of a chunk that have a name as a whole word: 1-based number in the file, text."""
    for offset, line in enumerate(chunk.text.split("\n")):
        if has_word(line, name):
            yield min(chunk.start_line + offset, chunk.end_line), line.strip()


def has_word(line: str, name: str) -> bool:
    """Whether a line has a name that no other letter, digit or underscore continues."""
    return _word_at(line, name) >= 0


def _word_at(line: str, name: str) -> int:
    """Where a name stands as a whole word, -1 for nowhere.

    A regular expression for each name would take longer to make than everything else that is done
    with a chunk.
    """
    at = line.find(name)
    while at >= 0:
        end = at + len(name)
        # A name may begin or end with another sign: push!, ~Session, operator==.
        continued = _joins(line[max(0, at - 1) : at], name[:1]) or _joins(
            name[-1:], line[end : end + 1]
        )
        if not continued:
            return at
        at = line.find(name, at + 1)
    return -1


def _joins(left: str, right: str) -> bool:
    """Whether two letters next to each other are of one word; an empty one is of none."""
    return _is_of_word(left) and _is_of_word(right)


def _is_of_word(char: str) -> bool:
    return char.isalnum() or char == "_"
