"""Reads a query: is it a symbol or prose, which names and files may it mean, what is it about.

A search parses its text once; whatever needs the query is given the :class:`Query`. Pure functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from harness.models.lexical import word_parts


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_STOP_WORDS = _set(
    """a an and any are as at be been being between both but by can could did do does doing done
    during each either else every for from get gets had has have having how i if in inside into is
    it its itself just like make makes many may me might more most must my no not of off on once
    one only onto or other our out over own per same should show so some such than that the their
    them then there these they this those through to too under until up upon us use used uses
    using via vs was way we were what when where whether which while who whose why will with
    within without would you your across based given find code implement implemented
    implementation implements function functions method methods class classes file files"""
)
"""Words that say nothing about which code is meant."""

_TOPICS = {
    "test": _set(
        "test tests testing tested tester unittest pytest spec specs fixture fixtures mock mocks"
    ),
    "example": _set("example examples sample samples demo demos tutorial tutorials snippet"),
    "benchmark": _set("benchmark benchmarks bench benchmarking perf performance"),
    "docs": _set(
        "doc docs documentation readme guide changelog changes history release notes news migration"
    ),
    "compat": _set(
        "compat compatibility backport backports shim shims polyfill legacy deprecated deprecation"
    ),
    "stub": _set("stub stubs typing typings declaration declarations pyi"),
    "vendor": _set("vendor vendored bundled"),
    "generated": _set("generated amalgamation"),
    "config": _set(
        "config configuration settings ci workflow package manifest build setup yaml toml json"
        " docker helm"
    ),
}
"""Words of a query that make it about a kind of file, a key of
:data:`harness.search.path_kinds.FACTORS`."""

_WORD = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"[`'\"]([^\W\d][\w.:]*)(?:\(\))?[`'\"]")
_CALL_OR_PATH = re.compile(r"[^\W\d]\w*(?:(?:\.|::|#|->)[^\W\d]\w*)+|[^\W\d]\w*(?=\(\))")
_CAMEL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2,}[a-z]|^[A-Z][a-z]+[A-Z]")


@dataclass(frozen=True, slots=True)
class Query:
    """What a query means; words are lower-case, except in ``text``.

    ``text``: as it was asked. ``terms``: content words. ``symbols``: names asked for as names.
    ``names``: these and every word or joined pair of words that a definition may be called.
    ``stems``: the same for files, whose stem is the name without extension. ``initials``: what its
    words may be shortened to, as ``sse`` for server sent events. ``topics``: kinds of files that
    the query is about.
    """

    text: str
    is_symbol: bool
    terms: tuple[str, ...]
    symbols: frozenset[str]
    names: tuple[str, ...]
    stems: tuple[str, ...]
    initials: frozenset[str]
    topics: frozenset[str]


def parse(text: str) -> Query:
    """Read a query.

    :param text: the question as it was asked.
    """
    raw = _WORD.findall(text)
    symbols: dict[str, None] = {}
    for match in _QUOTED.findall(text) + _CALL_OR_PATH.findall(text):
        symbols[_WORD.findall(match)[-1].lower()] = None
    for word in raw:
        if "_" in word.strip("_") or _CAMEL.search(word):
            symbols[word.lower()] = None
    is_symbol = len(text.split()) == 1 and bool(raw)
    if is_symbol:
        symbols[raw[-1].lower()] = None
    content = [word for word in raw if word.lower() not in _STOP_WORDS] or raw
    terms = dict.fromkeys(
        part
        for word in content
        for part in (word_parts(word)[1:] or word_parts(word))
        if len(part) > 1 or is_symbol
    )
    lowered = [word.lower() for word in content]
    joined = [left + glue + right for left, right in pairwise(lowered) for glue in ("", "_", "-")]
    singles = [form for word in lowered for form in _forms(word)]
    names = tuple(dict.fromkeys([*symbols, *singles, *(j for j in joined if "-" not in j)]))
    lower = {word.lower() for word in raw}
    initials = _initials([word.lower() for word in raw])
    return Query(
        text=text,
        is_symbol=is_symbol,
        terms=tuple(terms),
        symbols=frozenset(symbols),
        names=names,
        stems=tuple(dict.fromkeys([*symbols, *singles, *joined, *sorted(initials)])),
        initials=initials,
        topics=frozenset(topic for topic, words in _TOPICS.items() if not lower.isdisjoint(words)),
    )


def _initials(words: list[str]) -> frozenset[str]:
    """First letters of three to five content words in a row."""
    return (
        frozenset(
            "".join(word[0] for word in run)
            for length in (3, 4, 5)
            for start in range(len(words) - length + 1)
            if _STOP_WORDS.isdisjoint(run := words[start : start + length])
        )
        - _STOP_WORDS
    )


def _forms(word: str) -> list[str]:
    """A word with and without its plural ending."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return [word, word[:-1]]
    return [word, word + "s"] if len(word) > 2 else [word]
