"""Ranks the definitions of a repository by how likely a task means them.

What counts: names in the task's words and in the failing test, the frames of a stack trace, words
in common, what the index found. The weights were set by hand and looked at on five tasks only.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log

from harness import charsets
from harness.agent.kept_tests import is_inner_test
from harness.agent.sources import Definition, definitions_in, is_test
from harness.agent.tools.access import Mapped, Search
from harness.errors import HarnessError
from harness.repository.skip_names import is_secret
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

MAX_FILES = 400
MAX_FILE_BYTES = 200_000
MAX_LINES = 160
MOST_PLACES = 6
# A file without definitions, or with short ones only, is a place of its own up to this size.
WHOLE_FILE_LINES = 60
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
# It begins where a path does: tried in its middle, too, it takes the square of a path's length.
FRAME = re.compile(r'(?:File ")?(?<![\w./+@-])([\w./+@-]+\.\w{1,5})(?:", line |:|\()(\d{1,9})')
MAX_FRAMES = 200
_VALUE = re.compile(r"'([^'\n]{2,40})'|\"([^\"\n]{2,40})\"")
_MARKED = re.compile(r"`([^`\n]+)`")
_DULL_WORDS = """
the and for with from that this must should when not return returns value values test tests
function method class file code fix add make does def self none true false raise raises error
assert import expected actual have has are was its into only also same give gives
"""
_DULL = frozenset(_DULL_WORDS.split())


@dataclass(frozen=True, slots=True)
class Place:
    """A definition that may have to change, with the reasons."""

    definition: Definition
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clues:
    """What there is to go by: the task's words, the output of the verification (whole and
    essence), and the index: its search and its map of files, None when there is none."""

    task: str
    output: str = ""
    essence: str = ""
    search: Search | None = None
    mapped: Mapped | None = None


def rank_places(tree: ConfinedTree, clues: Clues) -> list[Place]:
    """Return the likeliest definitions outside of tests, best first; none inside another, and at
    most :data:`MOST_PLACES`."""
    texts = _sources(tree)
    tests = [path for path in texts if is_test(path)]
    code = [path for path in texts if not is_test(path)] or list(texts)
    split = {path: texts[path].split("\n") for path in code}
    definitions = [
        one
        for path in code
        for one in _units(path, texts[path])
        if not is_inner_test(one, split[path])
    ]
    test_words = _test_words(clues, {path: texts[path] for path in tests})
    frames = list(_frames(clues.output, texts))
    hits = _hits(clues)
    spread = Counter(
        part for one in definitions for part in {*_parts(_text_of(one, texts[one.path]))}
    )
    # What holds callables is the wider choice: one of them is meant more often.
    holders = {(one.path, one.name.rpartition(".")[0]) for one in definitions if one.is_callable}
    ranked = []
    for one in definitions:
        reasons: list[str] = []
        body = _text_of(one, texts[one.path])
        score = by_names(one, clues.task, reasons)
        score += _by_frames(one, frames, reasons)
        if one.last_name in test_words and len(one.last_name) > 3:
            score += 2.0
            reasons.append("the failing test uses it")
        score += _by_hits(one, hits, reasons)
        score += _by_words(body, clues, spread, len(definitions))
        if one.end - one.start > MAX_LINES or (one.path, one.name) in holders:
            score -= 2.0
        ranked.append(Place(one, round(score, 2), tuple(reasons)))
    ranked.sort(key=lambda place: (-place.score, place.definition.path, place.definition.start))
    chosen: list[Place] = []
    for place in ranked:
        if len(chosen) == MOST_PLACES or place.score <= 0:
            break
        if place.definition.end - place.definition.start <= MAX_LINES and not any(
            _overlap(place.definition, other.definition) for other in chosen
        ):
            chosen.append(place)
    return chosen


def as_it_is(one: Definition, text: str) -> Definition:
    """Return a definition with its lines in a text that may have changed above it or in it."""
    last = text.rstrip("\n").count("\n") + 1
    if not one.name:
        return replace(one, end=last)
    named = [other for other in definitions_in(one.path, text) if other.name == one.name]
    gone = replace(one, start=min(one.start, last), end=min(one.end, last))
    return min(named, key=lambda other: abs(other.start - one.start), default=gone)


def names_in_failing_tests(tree: ConfinedTree, clues: Clues) -> frozenset[str]:
    """Return the names that the failing tests use, as far as the output says which these are."""
    tests = {path: text for path, text in _sources(tree).items() if is_test(path)}
    return frozenset(_test_words(clues, tests))


def _sources(tree: ConfinedTree) -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in list_files(tree.root):
        if len(texts) >= MAX_FILES:
            break
        if is_secret(path):
            continue
        try:
            data = tree.read_bytes(path)
        except HarnessError:
            continue
        if len(data) > MAX_FILE_BYTES or charsets.looks_binary(data):
            continue
        texts[path] = charsets.readable(data).replace("\r\n", "\n")
    return texts


def _units(path: str, text: str) -> list[Definition]:
    """The definitions of a file to choose from: callables, small types, a small file as a whole."""
    found = definitions_in(path, text)
    longest: dict[str, Definition] = {}
    for one in found:  # overloads come before what they declare
        known = longest.get(one.name)
        if known is None or one.end - one.start >= known.end - known.start:
            longest[one.name] = one
    units = [
        one
        for one in longest.values()
        if one.is_callable or one.end - one.start <= WHOLE_FILE_LINES
    ]
    lines = text.rstrip("\n").count("\n") + 1
    if found and lines <= WHOLE_FILE_LINES and text.strip():
        units.append(Definition(path, "", 1, lines, is_callable=False))
    return units


def by_names(one: Definition, task: str, reasons: list[str]) -> float:
    """How surely a task or a question calls a definition by its name; 0: it does not."""
    name = one.last_name
    if not name or not re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", task):
        return 0.0
    marked = any(name in _WORD.findall(text) for text in _MARKED.findall(task))
    code = marked or re.search(rf"(?:[.:]{re.escape(name)}\b|\b{re.escape(name)}\s*\()", task)
    special = code or "_" in name or name != name.lower()
    score = 6.0 if special else 2.5
    reasons.append("the task names it")
    for outer in one.name.split(".")[:-1]:
        if re.search(rf"\b{re.escape(outer)}\b", task):
            score += 2.0
    return score


def _by_frames(one: Definition, frames: Sequence[tuple[str, int]], reasons: list[str]) -> float:
    score = 0.0
    for number, (path, line) in enumerate(reversed(frames)):
        if path == one.path and one.start <= line <= one.end:
            score = max(score, 5.0 if number == 0 else 3.0)
    if score:
        reasons.append("the error comes through it")
    return score


def _by_hits(one: Definition, hits: Sequence[tuple[str, int, int]], reasons: list[str]) -> float:
    for number, (path, start, end) in enumerate(hits):
        if path == one.path and start <= one.end and end >= one.start:
            reasons.append("the index finds it")
            return 2.0 / (1 + number)
    return 0.0


def _by_words(body: str, clues: Clues, spread: Counter[str], total: int) -> float:
    parts = set(_parts(body))
    wanted = {part for part in _parts(clues.task) if part not in _DULL}
    known = [part for part in wanted if part in spread]
    weight = sum(log(1 + total / spread[part]) for part in known) or 1.0
    shared = sum(log(1 + total / spread[part]) for part in known if part in parts)
    score = 3.0 * shared / weight
    values = {a or b for a, b in _VALUE.findall(f"{clues.task}\n{clues.essence}")}
    literals = {a or b for a, b in _VALUE.findall(body)}
    words = {word for value in values for word in _WORD.findall(value) if len(word) > 2}
    if values & literals or any(word in literal for word in words for literal in literals):
        score += 1.0
    return score


def _test_words(clues: Clues, tests: dict[str, str]) -> set[str]:
    """The identifiers in the code of the tests that fail, as far as the output names them."""
    names = {name for name in _WORD.findall(clues.output) if name.lower().startswith("test")}
    words: set[str] = set(_WORD.findall(clues.essence))
    for path, text in tests.items():
        lines = text.split("\n")
        for one in definitions_in(path, text):
            if one.is_callable and one.last_name in names:
                words.update(_WORD.findall("\n".join(lines[one.start - 1 : one.end])))
    return words


def _frames(output: str, texts: Iterable[str]) -> Iterable[tuple[str, int]]:
    """The last places in the repository's sources that an output names, in its order."""
    names = list(texts)
    for match in deque(FRAME.finditer(output), MAX_FRAMES):
        path = match[1].removeprefix("./")
        for name in names:
            if (path == name or path.endswith(f"/{name}")) and not is_test(name):
                yield name, int(match[2])
                break


def _hits(clues: Clues) -> list[tuple[str, int, int]]:
    if clues.search is None:
        return []
    try:
        found = clues.search(clues.task[:500], 5)
    except HarnessError:
        return []
    return [(hit.path, hit.start_line, hit.end_line) for hit in found if not is_test(hit.path)]


def _text_of(one: Definition, text: str) -> str:
    return "\n".join(text.split("\n")[one.start - 1 : one.end])


def _parts(text: str) -> list[str]:
    return [part.lower() for part in _PART.findall(text) if len(part) > 2]


def _overlap(one: Definition, other: Definition) -> bool:
    return one.path == other.path and one.start <= other.end and other.start <= one.end
