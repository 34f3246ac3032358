"""Imports of the standard library that a new version of a place needs and its file lacks.

A model that writes one function has no place for them, and the compiler ends the attempt: seen
with Go, where `strings.Fields` was right and the import was missing. Only names that are new in the
file count, and only such as nobody gives to anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

_GO = {name.rpartition("/")[2]: name for name in (
    "bufio", "bytes", "cmp", "context", "encoding/json", "errors", "fmt", "io", "maps", "math",
    "net/url", "os", "path/filepath", "regexp", "slices", "sort", "strconv", "strings", "sync",
    "time", "unicode", "unicode/utf8",
)}  # fmt: skip
_JAVA = {name.rpartition(".")[2]: name for name in (
    *(f"java.util.{name}" for name in (
        "ArrayDeque", "ArrayList", "Arrays", "Collections", "Comparator", "Deque", "HashMap",
        "HashSet", "Iterator", "LinkedHashMap", "LinkedHashSet", "LinkedList", "List", "Locale",
        "Map", "NoSuchElementException", "Objects", "Optional", "Queue", "Set", "Stack",
        "StringJoiner", "TreeMap", "TreeSet")),
    "java.util.stream.Collectors", "java.util.stream.IntStream", "java.util.stream.Stream",
    "java.util.regex.Matcher", "java.util.regex.Pattern", "java.math.BigDecimal",
    "java.math.BigInteger",
)}  # fmt: skip
_RUST = {name.rpartition("::")[2]: name for name in (
    *(f"std::collections::{name}" for name in (
        "BTreeMap", "BTreeSet", "BinaryHeap", "HashMap", "HashSet", "VecDeque")),
    "std::cmp::Ordering", "std::rc::Rc", "std::sync::Arc", "std::fmt::Write",
)}  # fmt: skip
_C = {name: header for header, names in {
    "ctype.h": "isalnum isalpha isdigit islower ispunct isspace isupper tolower toupper",
    "stdio.h": "printf fprintf snprintf fputs puts",
    "stdlib.h": "abs atoi calloc free labs malloc qsort realloc strtol strtoul",
    "string.h": "memcmp memcpy memmove memset strcat strchr strcmp strcpy strlen strncmp strncpy "
    "strrchr strstr",
    "math.h": "ceil fabs floor fmod pow round sqrt",
}.items() for name in names.split()}  # fmt: skip


def with_library_imports(path: str, before: str, after: str) -> str:
    """Return a new version of a file with the imports that it lacks.

    :param before: the file as it was.
    """
    language = _LANGUAGES.get(path.rpartition(".")[2])
    if language is None:
        return after
    table, use, add = language
    lacking: dict[str, None] = {}
    for name, wanted in table.items():
        used = re.compile(use.format(name))
        if name in after and used.search(after) and not used.search(before):
            lacking[wanted] = None
    return add(after, list(lacking)) if lacking else after


def _in_go(text: str, wanted: Sequence[str]) -> str:
    new = [
        name
        for name in wanted
        if f'"{name}"' not in text
        and not re.search(rf"\b{name.rpartition('/')[2]}(?: :=| =|, \w+ :=| [\w*\[])", text)
    ]
    block = re.search(r"^import \(\n", text, re.MULTILINE)
    if block:
        return _put(text, block.end(), "".join(f'\t"{name}"\n' for name in new))
    head = re.search(r"^package \w+[^\n]*\n", text, re.MULTILINE)
    lines = "".join(f'import "{name}"\n' for name in new)
    return _put(text, head.end() if head else 0, f"\n{lines}" if new else "")


def _in_java(text: str, wanted: Sequence[str]) -> str:
    new = [
        name
        for name in wanted
        if f"import {name.rpartition('.')[0]}.*;" not in text
        and not re.search(rf"\bimport [\w.]+\.{name.rpartition('.')[2]};", text)
        and not re.search(rf"\b(?:class|interface|record) {name.rpartition('.')[2]}\b", text)
    ]
    head = re.search(r"^package [\w.]+;\n", text, re.MULTILINE)
    return _put(text, head.end() if head else 0, "".join(f"import {name};\n" for name in new))


def _in_rust(text: str, wanted: Sequence[str]) -> str:
    new = []
    for name in wanted:
        last = name.rpartition("::")[2]
        known = re.search(rf"^\s*(?:pub )?use [^;]*\b{last}\b", text, re.MULTILINE)
        if not known and not re.search(rf"\b(?:struct|enum|trait|type) {last}\b", text):
            new.append(f"use {name};\n")
    head = re.match(r"(?:(?://!|#!\[)[^\n]*\n|\n)*", text)
    return _put(text, head.end() if head else 0, "".join(new))


def _in_c(text: str, wanted: Sequence[str]) -> str:
    new = "".join(f"#include <{name}>\n" for name in wanted if f"<{name}>" not in text)
    first = re.search(r"^#include ", text, re.MULTILINE)
    return _put(text, first.start() if first else 0, new)


def _put(text: str, at: int, lines: str) -> str:
    return text[:at] + lines + text[at:]


_CALLED = r"(?<![\w.>]){}\s*\("
# A file's ending: what stands for what, how a name is used, and where its import goes.
_LANGUAGES: Mapping[str, tuple[Mapping[str, str], str, Callable[[str, Sequence[str]], str]]] = {
    "go": (_GO, r"(?<![\w.]){}\.[A-Z]", _in_go),
    "java": (_JAVA, r"(?<![\w.]){}\b", _in_java),
    "rs": (_RUST, r"(?<![\w:]){}\b", _in_rust),
    "c": (_C, _CALLED, _in_c),
}
