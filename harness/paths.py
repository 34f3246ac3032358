"""What a path says about a file: its words, and whether it is a test, an example, a shim….

Pure functions over paths relative to a repository, with ``/``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from harness.sparse import word_parts


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FOLDERS = {
    "test": _set(
        "test tests spec specs __tests__ __mocks__ testdata fixtures e2e androidtest unittest"
        " unittests testsuite"
    ),
    "example": _set("example examples sample samples demo demos tutorial tutorials docs_src"),
    "benchmark": _set("bench benches benchmark benchmarks perf"),
    "docs": _set("doc docs documentation website changelogs releases"),
    "compat": _set("compat deprecated legacy backports shims polyfills"),
    "vendor": _set("vendor vendored _vendor third_party thirdparty external node_modules"),
}

_NAMES = (
    ("test", re.compile(r"(test_.*|.*_tests?|conftest|.*[.-](test|spec)|.*_spec)$")),
    ("test", re.compile(r".+(Tests?|Spec|TestCase)$")),
    ("stub", re.compile(r".*\.d$")),
    ("compat", re.compile(r"_?(.*_)?(compat|shims?|polyfills?|deprecated|legacy)$", re.I)),
    ("docs", re.compile(r"(changelog|changes|history|news|readme|contributing|authors)$", re.I)),
)

_PROSE = _set("md mdx rst txt adoc")
_DATA = _set("json yaml yml toml ini cfg lock xml csv svg properties")

FACTORS = {
    "test": 0.4,
    "example": 0.5,
    "benchmark": 0.6,
    "docs": 0.6,
    "compat": 0.6,
    "stub": 0.6,
    "vendor": 0.5,
    "config": 0.7,
}
"""What a chunk's score is multiplied by when the query is not about this kind of file. People
who ask how something works mean the code that does it."""

_ENTRY_STEMS = frozenset({"__init__", "index", "mod", "main", "lib", "__main__"})
"""File names that stand for their folder."""


@lru_cache(maxsize=1 << 14)
def path_kinds(path: str) -> frozenset[str]:
    """Kinds of a file: keys of :data:`FACTORS`; empty for ordinary source.

    :param path: relative to the repository.
    """
    *folders, name = path.split("/")
    stem, _, suffix = name.rpartition(".")
    stem = stem or name
    lowered = {folder.lower() for folder in folders}
    kinds = {kind for kind, words in _FOLDERS.items() if not lowered.isdisjoint(words)}
    kinds.update(kind for kind, pattern in _NAMES if pattern.match(stem))
    if suffix == "pyi":
        kinds.add("stub")
    if suffix.lower() in _PROSE:
        kinds.add("docs")
    if suffix.lower() in _DATA:
        kinds.add("config")
    return frozenset(kinds)


def path_factor(path: str, topics: frozenset[str]) -> float:
    """The smallest factor among a file's kinds that the query is not about; 1 for source.

    :param path: relative to the repository.
    :param topics: kinds that the query is about.
    """
    return min((FACTORS[kind] for kind in path_kinds(path) - topics), default=1.0)


@lru_cache(maxsize=1 << 14)
def stem_words(path: str) -> tuple[str, ...]:
    """Words of the file's name, or of its folder's when the name stands for the folder.

    :param path: relative to the repository.
    """
    *folders, name = path.split("/")
    stem = name.split(".")[0] or name
    if stem.lower() in _ENTRY_STEMS and folders:
        stem = folders[-1]
    return _words(stem)


@lru_cache(maxsize=1 << 14)
def path_words(path: str) -> tuple[str, ...]:
    """Words of the whole path, extension left out.

    :param path: relative to the repository.
    """
    return _words(path.rpartition(".")[0] or path)


@lru_cache(maxsize=1 << 14)
def name_words(names: tuple[str, ...]) -> tuple[str, ...]:
    """Words that names are made of, in order, without repeats.

    :param names: identifiers.
    """
    return _words(" ".join(names))


def _words(text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in re.findall(r"\w+", text):
        parts = word_parts(word)
        found.update(dict.fromkeys(parts[1:] or parts))
    return tuple(found)
