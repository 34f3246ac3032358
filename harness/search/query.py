"""Reads a query: is it a symbol or prose, which names and files may it mean, what is it about.

A search parses its text once; whatever needs the query is given the :class:`Query`. Pure functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from harness.folding import compose, fold
from harness.models.lexical import whole_words, word_parts
from harness.search.mentions import Mention, mentions
from harness.text import encodable

MAX_CHARS = 8_000
"""Of a longer query its first and its last half as many count: what is pasted, such as the log of a
failure, says at its ends what it is about."""

MAX_WORDS = 100
"""Different words of a query that are looked up as names and weighed in the ranking."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _set(
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

_GERMAN = _set(
    """wie wird werden wurde wurden wo ist sind der das den dem ein eine einen einem einer und oder
    von vom zum zur für nach bei wenn auf aus nicht kann können soll wohin woher welche welcher
    welches welchen wofür warum"""
)
_GERMAN_OR_NOT = _set("die mit im am man was war es sich wer als auch nur durch über unter")
"""The same in German: the second ones only beside one of the first, as they may mean something
else. What a question in another language says with such words is in no file."""

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
        " docker helm requirements"
    ),
    "migration": _set(
        "migration migrations migrate migrates migrated migrating rollback schema column columns"
    ),
}
"""Words of a query that make it about a kind of file, a key of
:data:`harness.search.path_kinds.FACTORS`."""

# Each begins at a word's border and has one way to match, so that time grows with the length only.
_QUOTED = re.compile(r"[`'\"]([^\W\d][\w.:]*)(?:\(\))?[`'\"]")
_CALL_OR_PATH = re.compile(r"\b[^\W\d]\w*(?:(?:\.|::|#|->)[^\W\d]\w*)+|\b[^\W\d]\w*(?=\(\))")
_CAMEL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]|^[A-Z][a-z]+[A-Z]")
_KIND = r"(?:(?:function|method|class|type|struct|enum|interface|constant|variable|macro)\s{1,3})?"
_DEFINED = re.compile(
    rf"\bwhere\s{{1,3}}(?:is|are)\s{{1,3}}(?:the\s{{1,3}})?{_KIND}(\S{{1,200}})\s{{1,3}}{_KIND}"
    rf"(?:defined|declared)\b|\bdefinition\s{{1,3}}of\s{{1,3}}(?:the\s{{1,3}})?{_KIND}(\S{{1,200}})",
    re.IGNORECASE,
)
_TESTS_OF = re.compile(r"\b(?:tests?|specs?|fixtures?|mocks?)\s{1,3}(?:of|for|that)\b", re.I)
_EDGES = "\"'`“”‘’,;:()[]{}<>"
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]+")
_MAX_TITLE_WORDS = 5
_SENTENCE = 3
_LATIN_ENDS = 0x0250


@dataclass(frozen=True, slots=True)
class Query:
    """What a query means; words are folded, except in ``text``.

    ``text``: as it was asked. ``by_letters``: it is better found by its letters than by what a
    model makes of it, being a name or in a script that few models know. ``terms``: content words.
    ``symbols``: names asked for as names.
    ``names``: these and every word or joined pair of words that a definition may be called.
    ``stems``: the same for files, whose stem is the name without extension. ``initials``: what its
    words may be shortened to, as ``sse`` for server sent events. ``topics``: kinds of files that
    the query is about. ``mentions``: files that it may name by a path.
    ``title``: a few words that may be all of a file's name, written together.
    ``sought``: the one name of several words that the query asks for and nothing else, or empty.
    ``compounds``: names of several words that it asks for or mentions. ``first_said``: how it was
    asked before its words were exchanged for others.
    """

    text: str
    is_symbol: bool
    by_letters: bool
    terms: tuple[str, ...]
    symbols: frozenset[str]
    names: tuple[str, ...]
    stems: tuple[str, ...]
    initials: frozenset[str]
    topics: frozenset[str]
    mentions: tuple[Mention, ...] = ()
    title: str = ""
    sought: str = ""
    compounds: frozenset[str] = frozenset()
    first_said: str = ""


def readable(text: str) -> str:
    """What can be read of a text: what UTF-8 cannot hold escaped, no control characters but blanks,
    and of a long text its ends, see :data:`MAX_CHARS`.

    :param text: what was asked, whatever it holds.
    """
    if len(text) > MAX_CHARS:
        text = f"{text[: MAX_CHARS // 2]}\n{text[-MAX_CHARS // 2 :]}"
    return _UNREADABLE.sub(" ", encodable(text)).strip()


def parse(text: str) -> Query:
    """Read a query.

    :param text: the question as it was asked.
    """
    asked = compose(text)
    raw = [word for word in whole_words(asked) if not word[0].isdigit()]
    is_symbol = len(asked.split()) == 1 and bool(raw)
    spelled = _spelled(asked)
    symbols = _symbols(asked, raw, is_symbol)
    if is_symbol:
        symbols.update(dict.fromkeys(spelled))
    said_nothing = _said_nothing(raw)
    content = [word for word in raw if word.lower() not in said_nothing] or raw
    content = list(dict.fromkeys(content))[:MAX_WORDS]
    terms = dict.fromkeys(
        part
        for word in content
        for part in (word_parts(word)[1:] or word_parts(word))
        if len(part) > 1 or is_symbol
    )
    folded = [fold(word) for word in content]
    joined = [left + glue + right for left, right in pairwise(folded) for glue in ("", "_", "-")]
    singles = [form for word in folded for form in _forms(word)]
    names = [*symbols, *spelled, *singles, *(j for j in joined if "-" not in j)]
    lower = {word.lower() for word in raw}
    initials = _initials([fold(word) for word in raw[: 10 * MAX_WORDS]])
    all_folded = [fold(word) for word in raw]
    is_title = 1 < len(raw) <= _MAX_TITLE_WORDS
    titles = [glue.join(all_folded) for glue in ("", "_", "-")] if is_title else []
    return Query(
        text=text,
        is_symbol=is_symbol,
        by_letters=is_symbol or not _is_latin(asked),
        terms=tuple(terms)[:MAX_WORDS],
        symbols=frozenset(symbols),
        names=tuple(dict.fromkeys(names)),
        stems=tuple(dict.fromkeys([*symbols, *singles, *joined, *titles, *sorted(initials)])),
        initials=initials,
        topics=frozenset(topic for topic, words in _TOPICS.items() if not lower.isdisjoint(words)),
        mentions=mentions(text),
        title=titles[0] if titles else "",
        sought=_sought(asked, raw, is_symbol),
        # word_parts gives a name of several words itself and then each of them.
        compounds=frozenset(
            name for word in raw if len(word_parts(word)) > 2 and (name := fold(word)) in symbols
        ),
    )


def asks_for_tests(text: str) -> bool:
    """Tell whether tests are asked for, and not only mentioned: each of the nine labelled questions
    with a word for tests means code, such as that of a test runner.

    :param text: the question.
    """
    return _TESTS_OF.search(text) is not None


def _said_nothing(raw: list[str]) -> frozenset[str]:
    """Words that say nothing, of the language of a question."""
    german = _GERMAN.intersection(map(str.lower, raw))
    if len(raw) < _SENTENCE or not german:
        return STOP_WORDS
    return STOP_WORDS | _GERMAN | _GERMAN_OR_NOT


def _symbols(text: str, raw: list[str], is_symbol: bool) -> dict[str, None]:
    """Names asked for as names, at most :data:`MAX_WORDS`."""
    found: dict[str, None] = {}
    for match in _QUOTED.findall(text) + _CALL_OR_PATH.findall(text):
        found[fold(whole_words(match)[-1])] = None
    for word in raw:
        if "_" in word.strip("_") or _CAMEL.search(word):
            found[fold(word)] = None
    for one, other in _DEFINED.findall(text):
        name = (one or other).strip(_EDGES + ".?!")
        if name.lower() not in STOP_WORDS:
            found[fold(name)] = None
    if is_symbol:
        found = {fold(raw[-1]): None, **found}
    found.pop("", None)
    return dict.fromkeys(list(found)[:MAX_WORDS])


def _sought(text: str, raw: list[str], is_symbol: bool) -> str:
    """The name that is asked for alone or by where it is defined, folded; empty for a plain word,
    which may be spelled in other ways where it is meant."""
    asked = _DEFINED.search(text)
    name = raw[-1] if is_symbol else (asked[1] or asked[2]).strip(_EDGES + ".?!") if asked else ""
    # word_parts gives a name of several words itself and then each of them.
    return fold(name) if len(word_parts(name)) > 2 else ""


def _spelled(text: str) -> list[str]:
    """Words with other signs than letters, digits and underscores, as they are spelled: names such
    as ``push!``, ``get-item``, ``operator==``."""
    found: dict[str, None] = {}
    for token in text.split()[:MAX_WORDS]:
        name = fold(token.strip(_EDGES).removesuffix("."))
        if any(char.isalpha() for char in name) and not name.replace("_", "a").isalnum():
            found[name] = None
            found[name.rstrip("?!.")] = None  # of the sentence
    return list(found)


def _is_latin(text: str) -> bool:
    """Tell whether at least half of the letters are Latin."""
    if text.isascii():
        return True
    letters = [char for char in text if char.isalpha()]
    return 2 * sum(ord(char) < _LATIN_ENDS for char in letters) >= len(letters)


def _initials(words: list[str]) -> frozenset[str]:
    """First letters of three to five content words in a row."""
    return (
        frozenset(
            "".join(word[0] for word in run)
            for length in (3, 4, 5)
            for start in range(len(words) - length + 1)
            if STOP_WORDS.isdisjoint(run := words[start : start + length])
        )
        - STOP_WORDS
    )


def _forms(word: str) -> list[str]:
    """A word with and without its plural ending."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return [word, word[:-1]]
    return [word, word + "s"] if len(word) > 2 else [word]
