"""Reads the operators of a query: ``"exact words"``, ``symbol:``, ``path:``, ``lang:``, ``repo:``,
``kind:``. Pure functions.

An operator stands at the beginning of a word of a query of one line; everything else, such as the
quotes and colons of a stack trace or of code, is what is searched for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import UsageError

KINDS = ("function", "class", "method", "module", "section", "data", "text")
"""What :class:`harness.types.Chunk` knows as ``kind``."""

_NAMES = {
    "repo": "repo",
    "repository": "repo",
    "lang": "language",
    "language": "language",
    "path": "path",
    "file": "path",
    "symbol": "symbol",
    "kind": "kind",
}
# A value ends at a blank; quotes around it keep blanks.
_OPERATOR = re.compile(
    rf'(?<!\S)({"|".join(_NAMES)}):(?:"([^"\n]{{1,1000}})"|([^\s:"/][^\s"]{{0,999}}))(?!\S)'
)
_EXACT = re.compile(r'(?<!\S)"([^"\n]{1,1000})"(?!\S)')
_QUALIFIED = re.compile(r"(?:\.|::|#|->|/)(?=[^.:#>/])")


@dataclass(frozen=True, slots=True)
class Operators:
    """What a query asks for beside its words; empty where it does not say.

    ``words``: what is left to search for, or else the name, path or text that an operator has.
    ``exact``: texts that a passage must contain.
    """

    words: str
    repo: str = ""
    language: str = ""
    path: str = ""
    symbol: str = ""
    kind: str = ""
    exact: tuple[str, ...] = ()

    @property
    def holds_for_all(self) -> bool:
        """Whether every passage that fits has all that was asked for: no words are left over."""
        return bool(self.exact) and self.words.split() == " ".join(self.exact).split()


def name_parts(name: str) -> list[str]:
    """The parts of a name that may be qualified as its language does, the outermost first.

    :param name: not empty.
    """
    return [part for part in _QUALIFIED.split(name) if part] or [name]


def read_operators(text: str) -> Operators:
    """Read the operators of a query.

    :param text: as it was asked.
    :raises UsageError: one is given twice, or its value is unknown.
    """
    if "\n" in text.strip():
        return Operators(text)
    found: dict[str, str] = {}
    for name, quoted, bare in _OPERATOR.findall(text):
        key = _NAMES[name]
        if key in found:
            raise UsageError(f"{name}: is in the query twice; leave one")
        found[key] = quoted or bare
    left = _OPERATOR.sub(" ", text)
    exact = tuple(one for one in _EXACT.findall(left) if one.strip())
    words = _EXACT.sub(r" \1 ", left).strip() if exact else left.strip()
    if not found and not exact:
        return Operators(text)
    kind = found.get("kind", "").lower()
    if kind and kind not in KINDS:
        raise UsageError(f"kind:{kind} is unknown; the kinds are: {', '.join(KINDS)}")
    symbol = found.get("symbol", "")
    if symbol:
        words = f"{words} {symbol}".strip()
    return Operators(
        words=words or found.get("path", ""),
        repo=found.get("repo", ""),
        language=found.get("language", ""),
        path=found.get("path", ""),
        symbol=symbol,
        kind=kind,
        exact=exact,
    )


def contains(text: str, exact: tuple[str, ...]) -> bool:
    """Whether a text contains all of these; case counts for those with a capital letter.

    :param exact: of :class:`Operators`.
    """
    folded = text.casefold()
    return all(one in text if one != one.lower() else one.casefold() in folded for one in exact)
