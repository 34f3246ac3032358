"""What a path says about a file: its words, and whether it is a test, an example, a shim….

Pure functions over paths relative to a repository, with ``/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from harness.folding import fold
from harness.models.lexical import whole_words, word_parts


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FOLDERS = {
    "test": _set(
        "test tests spec specs __tests__ __mocks__ __snapshots__ testdata fixtures mocks e2e"
        " unittest unittests testsuite fuzz fuzzing cypress"
    ),
    "example": _set("example examples sample samples demo demos tutorial tutorials docs_src"),
    "benchmark": _set("bench benches benchmark benchmarks perf jmh microbenchmarks"),
    "docs": _set("doc docs documentation website changelogs releases"),
    "compat": _set("compat deprecated legacy backports shims polyfills"),
    "vendor": _set(
        "vendor vendored _vendor third_party third-party thirdparty 3rdparty external externals"
        " extern bundled node_modules pods carthage"
    ),
    "generated": _set("generated __generated__ single_include amalgamation"),
}

_TEST_FOLDER = re.compile(
    r"(?:.+[._-])?[Tt]ests?$"  # integration_test, Library.Tests
    r"|[Tt]ests?[._-].+"  # test-utils
    r"|.*[a-z0-9](?:Tests?|Specs)$"  # androidTest, commonTest, LibraryTests
)

_NAMES = (
    ("test", re.compile(r"(test[_-].*|.*_(unit)?tests?|conftest|.*[.-](test|spec)|.*_spec)$")),
    ("test", re.compile(r".+(Tests?|Specs?|TestCase)$")),
    ("benchmark", re.compile(r"(bench_.*|.*_bench(marks?)?|.*[.-]bench(mark)?|.+Benchmarks?)$")),
    ("example", re.compile(r".*\.stories$")),
    ("stub", re.compile(r".*\.d$")),
    ("generated", re.compile(r".*([._]pb|_pb2(_grpc)?|\.(g|freezed|generated|designer))$", re.I)),
    ("compat", re.compile(r"_?(.*_)?(compat|shims?|polyfills?|deprecated|legacy)$", re.I)),
    ("docs", re.compile(r"(changelog|changes|history|news|readme|contributing|authors)$", re.I)),
)

_MIGRATIONS = re.compile(r".*migrat.*|alembic", re.I)
_SERIAL = re.compile(r"\d{3,}[_-]|V\d+(?:[._]\d+)*__|[0-9a-f]{12}_", re.I)
_WHOLE_STEPS = _set("up down migration")
"""Names of a step's files where its folder has the number: Diesel's, Prisma's."""

_PROSE = _set("md mdx rst txt adoc")
_BUILD_FILES = re.compile(
    r"cmakelists\.txt|(?:.*[._-])?(?:requirements|constraints)(?:[._-].*)?\.txt"
)
"""Text files that are read by a tool, not by people."""
_TEST_SUFFIXES = _set("bats feature snap t")
_TEST_MODULES = frozenset({"tests.rs"})
"""In other languages a file of this name may just as well be about tests of a template or value."""
_DATA = _set("json yaml yml toml ini cfg lock xml csv svg properties")

FACTORS = {
    "test": 0.4,
    "example": 0.5,
    "benchmark": 0.6,
    "docs": 0.6,
    "compat": 0.6,
    "stub": 0.6,
    "generated": 0.6,
    "vendor": 0.5,
    "config": 0.7,
    "migration": 0.5,
}
"""What a chunk's score is multiplied by unless the query is about this kind of file: people who ask
how something works mean the code that does it."""

_ENTRY_STEMS = frozenset({"__init__", "index", "mod", "main", "lib", "__main__"})
"""File names that stand for their folder."""


# What is remembered of paths and names are texts and tuples of them, which Python's collector of
# cycles leaves alone, and of sets the few different ones.
_COMBINATIONS: dict[frozenset[str], frozenset[str]] = {}


@lru_cache(maxsize=1 << 14)
def path_kinds(path: str) -> frozenset[str]:
    """Kinds of a file: keys of :data:`FACTORS`; empty for ordinary source.

    :param path: relative to the repository.
    """
    *folders, name = path.split("/")
    stem, dot, suffix = name.rpartition(".")
    stem = stem or name
    lowered = {folder.lower() for folder in folders}
    kinds = {kind for kind, words in _FOLDERS.items() if not lowered.isdisjoint(words)}
    kinds.update(kind for kind, pattern in _NAMES if pattern.match(stem))
    if name in _TEST_MODULES or (dot and suffix in _TEST_SUFFIXES):
        kinds.add("test")
    if any(map(_TEST_FOLDER.match, folders)):
        kinds.add("test")
    if suffix == "pyi":
        kinds.add("stub")
    if _BUILD_FILES.fullmatch(name.lower()):
        kinds.add("config")
    elif suffix.lower() in _PROSE:
        kinds.add("docs")
    if suffix.lower() in _DATA:
        kinds.add("config")
    if _is_migration(folders, stem):
        kinds.add("migration")
    found = frozenset(kinds)
    return _COMBINATIONS.setdefault(found, found)


def _is_migration(folders: list[str], stem: str) -> bool:
    """One step of a database's schema. The code that runs such steps is in folders called alike, so
    a number is asked for as well."""
    if not any(map(_MIGRATIONS.match, folders)):
        return False
    return bool(_SERIAL.match(folders[-1] if stem.lower() in _WHOLE_STEPS else stem))


def path_factor(path: str, topics: frozenset[str]) -> float:
    """The smallest factor among a file's kinds that the query is not about; 1 for source.

    :param path: relative to the repository.
    :param topics: kinds that the query is about.
    """
    return min((FACTORS[kind] for kind in path_kinds(path) - topics), default=1.0)


@lru_cache(maxsize=1 << 14)
def stem_words(path: str) -> tuple[str, ...]:
    """Words of the file's stem, or of its folder's name when the stem stands for the folder.

    Everything after the first dot is left out: ``session.test.ts`` is about ``session``.

    :param path: relative to the repository.
    """
    *folders, name = path.split("/")
    stem = name.split(".")[0] or name
    if stem.lower() in _ENTRY_STEMS and folders:
        stem = folders[-1]
    return _words(stem)


@lru_cache(maxsize=1 << 14)
def titles(path: str) -> tuple[str, ...]:
    """The file's name in letters and digits only, folded: with its extension and without.

    :param path: relative to the repository.
    """
    name = fold(path.rpartition("/")[2])
    return tuple(re.sub(r"[\W_]+", "", one) for one in (name, name.rpartition(".")[0]))


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
    if len(names) == 1 and names[0].isascii() and names[0].isidentifier():
        return _parts(names)  # a word already
    return _words(" ".join(names))


@lru_cache(maxsize=1 << 14)
def folded_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names as they are compared.

    :param names: identifiers.
    """
    return tuple(map(fold, names))


def _words(text: str) -> tuple[str, ...]:
    return _parts(whole_words(text))


def _parts(words: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in words:
        parts = word_parts(word)
        found.update(dict.fromkeys(parts[1:] or parts))
    return tuple(found)
