"""Small changes to a place that need no model: one token taken for its likely opposite.

Most faults of a single line are of a few kinds: the wrong comparison, the wrong sign, a number that
is off by one, the neighbour's variable, an argument too many. The kinds are those of template-based
repair (Kim et al., "Automatic patch generation learned from human-written patches", ICSE 2013; Liu
et al., "TBar", ISSTA 2019). A model of 1.5 billion parameters copies such a line unchanged again
and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.agent.sources import syntax_problem

MAX_CHANGES = 60
_OPPOSITES: dict[str, tuple[str, ...]] = {
    "<=": ("<", ">="),
    ">=": (">", "<="),
    "==": ("!=",),
    "!=": ("==",),
    "<": ("<=", ">"),
    ">": (">=", "<"),
    "+=": ("-=",),
    "-=": ("+=",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "&&": ("||",),
    "||": ("&&",),
    "and": ("or",),
    "or": ("and",),
    "True": ("False",),
    "False": ("True",),
    "true": ("false",),
    "false": ("true",),
    "min": ("max",),
    "max": ("min",),
    "any": ("all",),
    "all": ("any",),
}
# Operators that stand between values only with blanks around them; else they are signs or types.
_SPACED = frozenset("<>+-*")
_TOKEN = re.compile(
    r"(?P<quoted>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')|(?P<comment>\#.*|//.*)"
    r"|(?P<other>->|=>|<<|>>|\+\+|--|\*\*)|(?P<sign><=|>=|==|!=|\+=|-=|&&|\|\||[<>+*-])"
    r"|(?P<number>\b\d{1,9}\b(?!\.\d))|(?P<word>\b[A-Za-z_]\w*\b)"
)
_LAST_ARGUMENT = re.compile(r"(\w\([^()]*?),\s*[\w.\[\]]+\)")
_WORD = re.compile(r"[A-Za-z]{3,}")
_NO_CODE = re.compile(r"\s*(?:$|#|//|/\*|\*|\"\"\"|'''|@|import\b|from\b|using\b|package\b)")
_DULL = frozenset({"self", "cls", "this", "str", "int", "float", "bool", "char", "const"})
_MAX_NAMES = 6


@dataclass(frozen=True, slots=True)
class Change:
    """A version of a file: ``line`` (1-based) ``was`` this and is ``now`` that."""

    text: str
    line: int
    was: str
    now: str


def small_changes(
    path: str, text: str, body: Sequence[int], hints: str, limit: int = MAX_CHANGES
) -> list[Change]:
    """Return versions of a file with one token changed; they parse if the file does.

    The commoner kinds come first, and lines that share words with the hints.

    :param body: the lines (1-based) of the place, in order; its head stays as it is.
    :param hints: the task and the failure.
    """
    lines = text.split("\n")
    words = set(_WORD.findall(hints.lower()))
    code = [number for number in body if not _NO_CODE.match(lines[number - 1])]
    names = _names([lines[number - 1] for number in code])
    del code[:1]  # the head
    code.sort(key=lambda number: -len(words & set(_WORD.findall(lines[number - 1].lower()))))
    parses = not syntax_problem(path, text)
    found: list[Change] = []
    seen = {text}
    for kind in (_opposites, _fewer_arguments, _off_by_one, _neighbours):
        for number in code:
            was = lines[number - 1]
            for now in kind(was, names):
                new = "\n".join([*lines[: number - 1], now, *lines[number:]])
                if new in seen or (parses and syntax_problem(path, new)):
                    continue
                seen.add(new)
                found.append(Change(new, number, was.strip(), now.strip()))
                if len(found) == limit:
                    return found
    return found


def _opposites(line: str, names: Sequence[str]) -> Iterator[str]:
    del names
    for match in _TOKEN.finditer(line):
        sign = match[0]
        if match.lastgroup not in ("sign", "word") or sign not in _OPPOSITES:
            continue
        around = f"{line[: match.start()][-1:]}{line[match.end() :][:1]}"
        if sign not in _SPACED or around == "  ":
            for other in _OPPOSITES[sign]:
                yield _put(line, match, other)
        elif sign == "-" and around[1:].isalnum():
            yield _put(line, match, "")


def _fewer_arguments(line: str, names: Sequence[str]) -> Iterator[str]:
    del names
    for match in _LAST_ARGUMENT.finditer(line):
        yield f"{line[: match.start()]}{match[1]}){line[match.end() :]}"


def _off_by_one(line: str, names: Sequence[str]) -> Iterator[str]:
    del names
    for match in _TOKEN.finditer(line):
        if match.lastgroup == "number":
            value = int(match[0])
            for other in (value + 1, value - 1):
                if other >= 0:
                    yield _put(line, match, str(other))


def _neighbours(line: str, names: Sequence[str]) -> Iterator[str]:
    for match in _TOKEN.finditer(line):
        is_called = line[match.end() :][:1] == "("
        if match.lastgroup == "word" and match[0] in names and not is_called:
            for other in names:
                if other != match[0]:
                    yield _put(line, match, other)


def _names(lines: Sequence[str]) -> list[str]:
    """The variables of a place: what its head takes, and what gets a value in it."""
    if not lines:
        return []
    inside = lines[0].partition("(")[2]
    taken = re.findall(r"\b([a-z_]\w*)(?=\s*[:,)=])", inside)
    taken += re.findall(r"\b([a-z_]\w*)(?=\s+[\w\[\]*]+\s*[,)])", inside)
    given = [match[1] for line in lines if (match := re.match(r"\s*(\w+)\s*:?=[^=]", line))]
    names = [name for name in dict.fromkeys([*taken, *given]) if name not in _DULL]
    return names[:_MAX_NAMES]


def _put(line: str, match: re.Match[str], other: str) -> str:
    return line[: match.start()] + other + line[match.end() :]
