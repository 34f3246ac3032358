"""Compares words of code with words of prose: endings aside, abbreviations written out.

Pure functions over lower-case words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import accumulate

_ABBREVIATIONS = {
    "ctx": "context", "cfg": "config", "conf": "config", "req": "request", "res": "response",
    "resp": "response", "err": "error", "msg": "message", "db": "database", "env": "environment",
    "fmt": "format", "idx": "index", "ptr": "pointer", "str": "string", "num": "number",
    "arg": "argument", "args": "argument", "param": "parameter", "params": "parameter",
    "cmd": "command", "pkg": "package", "src": "source", "tmp": "temporary", "doc": "document",
    "fn": "function", "func": "function", "impl": "implementation", "init": "initialization",
    "attr": "attribute", "attrs": "attribute", "val": "value", "var": "variable", "addr": "address",
    "conn": "connection", "repo": "repository", "spec": "specification", "app": "application",
    "async": "asynchronous", "sync": "synchronous", "ui": "interface", "ws": "websocket",
    "calc": "calculation", "prev": "previous", "cur": "current", "max": "maximum",
    "min": "minimum", "dir": "directory", "proc": "process", "exc": "exception",
    "deps": "dependency", "dep": "dependency", "auth": "authentication", "iter": "iterator",
}  # fmt: skip
"""Usual short names in code and the word that people write instead."""

_SUFFIXES = (
    "izations", "ization", "ations", "ation", "ators", "ator", "ments", "ment", "ingly", "ings",
    "ing", "ities", "ity", "ions", "ion", "ers", "ors", "er", "or", "ies", "ied", "able", "ible",
    "ed", "es", "al", "ly", "s", "e", "y",
)  # fmt: skip


_BEGINNING = 4
"""Letters that two words have to have in common at their beginnings, unless they are equal."""


@lru_cache(maxsize=1 << 15)
def word_root(word: str) -> str:
    """A word without its ending, good enough to compare words of code with words of prose.

    :param word: lower-case.
    """
    word = _ABBREVIATIONS.get(word, word)
    if not word.endswith(_SUFFIXES):
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def alike(one: str, other: str) -> bool:
    """Tell whether two roots mean the same: they are equal, or one is cut short (auth, config).

    :param one: as :func:`word_root` gives it.
    :param other: as :func:`word_root` gives it.
    """
    if len(one) > len(other):
        one, other = other, one
    return one == other or (len(one) >= _BEGINNING and other.startswith(one))


class Terms:
    """The words of a query, to find those that another word means.

    A search compares them with all words in the paths and names of some hundred candidates, so most
    are told apart before they are cut into words (:meth:`may_be_in`) or by their first letter.

    :param terms: lower-case.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self._by_letter: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for term in terms:
            root = word_root(term)
            self._by_letter[root[:1]].append((term, root))
        self._known: dict[str, frozenset[str]] = {}
        beginnings = {root[:_BEGINNING] for near in self._by_letter.values() for _, root in near}
        self._signs = beginnings | {
            short
            for short, beginning in _abbreviated().items()
            if beginning in beginnings and not short.startswith(beginning)
        }

    def may_be_in(self, texts: Sequence[str], others: Iterable[str] = ()) -> set[str]:
        """Those of some texts that may hold a word that means a term; the others hold none.

        :param texts: as they are written, without line feeds.
        :param others: further words, lower-case, that are looked for.
        """
        joined = "\n".join(texts)
        if not joined.isascii():
            plain = [text for text in texts if text.isascii()]
            return self.may_be_in(plain, others) | {text for text in texts if not text.isascii()}
        joined = joined.lower()
        begins = [0, *accumulate(len(text) + 1 for text in texts)]
        found: set[int] = set()
        for sign in self._signs.union(others):
            at = joined.find(sign)
            while at >= 0:
                row = bisect_right(begins, at) - 1
                found.add(row)
                at = joined.find(sign, begins[row + 1])
        return {texts[row] for row in found}

    def like(self, word: str) -> frozenset[str]:
        """The terms that mean the same as a word.

        :param word: lower-case.
        """
        found = self._known.get(word)
        if found is None:
            found = _NONE
            if word[:1] in self._by_letter or word in _ABBREVIATIONS:
                root = word_root(word)
                near = self._by_letter.get(root[:1], ())
                found = frozenset(term for term, other in near if alike(root, other))
            self._known[word] = found
        return found


_NONE: frozenset[str] = frozenset()


@cache
def _abbreviated() -> dict[str, str]:
    """How the root of what an abbreviation stands for begins."""
    return {short: word_root(short)[:_BEGINNING] for short in _ABBREVIATIONS}
