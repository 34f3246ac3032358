"""Tests that a change must not touch: a command that passes says nothing once its tests are gone.

Seen with a real model: it was shown a test that stood beside the code, wrote it again without
its mark (``#[test]``), and the command passed because nothing was run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.agent.sources import Definition, definitions_in, is_test

# What makes a function a test in a file of code: Rust, Java, Kotlin, C#, Swift Testing.
_MARK = re.compile(
    r"^\s*(?:#\[(?:\w+::)*(?:test|rstest|bench)\b|@(?:\w+\.)*(?:Parameterized)?Test\b"
    r"|\[(?:Test|TestMethod|Fact|Theory)\b)",
    re.MULTILINE,
)
_MODULE = re.compile(r"^tests?$")
# Assertions that only tests use.
_ASSERTS = re.compile(
    r"\s*(?:assert_(?:eq|ne)!|(?:\w+\.)?assert[A-Z]\w*\(|expect\(.*\)\.(?:not\.)?to)"
)
_CHECK = re.compile(r"test|check|spec|verif", re.IGNORECASE)
_MENTIONS = re.compile(r"\b(?:un)?tests?\b|\btest_|\bspecs?\b|_test\b", re.IGNORECASE)


def is_inner_test(one: Definition, lines: list[str]) -> bool:
    """Tell whether a definition of a file of code is a test, or holds nothing but tests.

    :param lines: the file's.
    """
    if one.path.endswith(".rs") and any(_MODULE.match(part) for part in one.name.split(".")):
        return True
    first = one.start - 1
    head = next((at for at in range(first, one.end) if "{" in lines[at]), first)
    return one.is_callable and bool(_MARK.search("\n".join(lines[first : head + 1])))


def is_check(path: str, command: str) -> bool:
    """Tell whether a file is what a verification judges by: one of tests, or such as ``check.py``
    or ``Check.java``, which the command names by its path or its class."""
    name = path.rpartition("/")[2]
    stem = name.partition(".")[0]
    named = {path, stem} if stem[:1].isupper() else {path}  # `make check` names no file
    words = re.split(r"[\s;&|='\"]+", command)
    return is_test(path) or bool(_CHECK.search(name) and named & {*words})


def changed_inner_test(path: str, before: str, after: str) -> str:
    """Return the name of a test in a file of code that was there and is gone or another now; empty
    when there is none."""
    new = _inner_tests(path, after)
    return next(
        (name for name, text in _inner_tests(path, before).items() if new.get(name) != text), ""
    )


def files_with_changed_tests(patch: str, command: str) -> list[str]:
    """Return the files in which a patch removes or changes lines of tests that were there: lines
    of what the command judges by, marks of tests, and their assertions."""
    return [
        path
        for path, lines in _removed(patch)
        if any(
            line.strip() and (is_check(path, command) or _MARK.match(line) or _ASSERTS.match(line))
            for line in lines
        )
    ]


def asks_for_tests(task: str) -> bool:
    """Tell whether a task speaks of tests, which it may want to be changed then."""
    return _MENTIONS.search(task) is not None


def _inner_tests(path: str, text: str) -> Mapping[str, str]:
    lines = text.split("\n")
    return {
        one.name: "\n".join(line.strip() for line in lines[one.start - 1 : one.end])
        for one in definitions_in(path, text)
        if one.is_callable and is_inner_test(one, lines)
    }


def _removed(patch: str) -> Iterator[tuple[str, list[str]]]:
    """Each file of a patch with the lines that it loses."""
    for part in re.split(r"^diff --git ", patch, flags=re.MULTILINE)[1:]:
        path = part.partition("\n")[0].removeprefix("a/").split(" b/")[0]
        _, _, hunks = part.partition("\n@@")
        yield path, [line[1:] for line in hunks.split("\n") if line.startswith("-")]
