"""The map of a repository: its most important files and their most important definitions, as many
as a budget has room for. From the index alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.engines import Engines
from harness.errors import UsageError
from harness.search.importance import Importance, importance
from harness.search.indexed_file import IndexedFile, read_indexed_files
from harness.search.known_uses import KnownUses
from harness.search.name_uses import NameUses, identifier
from harness.search.path_filter import read_filter
from harness.search.path_kinds import path_factor
from harness.search.retrieval import search
from harness.store.catalog import Visible, in_scope_at
from harness.types import RepositoryRecord

BUDGET = 1_000
"""Tokens of a map, about four characters each."""
MAX_BUDGET = 20_000
MAX_FOCUS_CHARS = 2_000

_CHARS_A_TOKEN = 4
_LINE_CHARS = 120
# A line's number and blanks, as a text shows them.
_MARGIN = 10
# A file with one definition hardly takes less.
_LEAST_CHARS = 40
# Of one file; the next files say more than a seventh definition.
_MAX_DEFINITIONS = 6
# Against the definition of the same file that brings most.
_LEAST_BROUGHT = 0.1
# Passages that words are looked up by.
_PASSAGES = 20


@dataclass(frozen=True, slots=True)
class MapDefinition:
    """A definition: ``symbol`` is its name after those of the definitions that it is in, ``text``
    its line."""

    name: str
    symbol: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class MapFile:
    """A file with its ``share`` of the importance of all files, which sums up to one, and its most
    important definitions, in order of their lines."""

    path: str
    language: str
    share: float
    definitions: tuple[MapDefinition, ...]


@dataclass(frozen=True, slots=True)
class RepositoryMap:
    """The ``map`` JSON contract. ``files`` are the most important ones, of ``files_total``, the
    first one first. ``complete`` is False when the repository has so many files that some were not
    looked at."""

    repo: str
    commit: str
    focus: str
    budget: int
    files_total: int
    complete: bool
    files: tuple[MapFile, ...]


def map_repository(
    engines: Engines,
    *,
    repo: str | None = None,
    focus: str = "",
    budget: int = BUDGET,
    visible: Visible | None = None,
    known: KnownUses | None = None,
) -> RepositoryMap:
    """The map of a repository.

    :param repo: its name or folder; may be None where only one can be meant.
    :param focus: what the map is to be about: a path or glob of the repository, or words, which
        are looked up; empty: the repository as a whole.
    :param budget: about how many tokens the map is to take as text.
    :param visible: which repositories whoever asks may see; None: all of them.
    :param known: keeps what takes long, for the next map; None: nothing is kept.
    :raises UsageError: which repository is meant was not said, or a value is out of range.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    if not 1 <= budget <= MAX_BUDGET:
        raise UsageError(f"the budget must be between 1 and {MAX_BUDGET} tokens")
    if len(focus) > MAX_FOCUS_CHARS:
        raise UsageError(f"the focus may have {MAX_FOCUS_CHARS} characters at most")
    found = in_scope_at(engines.store, repo, visible)
    if len(found) != 1:
        names = ", ".join(one.name for one in found[:20])
        raise UsageError(f"say which repository the map is of, with repo; indexed are: {names}")
    (record,) = found
    uses = (known or KnownUses()).of(engines.store, record)
    focus = focus.strip()
    ranks = _ranked(uses, focus, record, engines, visible)
    files = _files(uses, ranks, record, engines, budget * _CHARS_A_TOKEN)
    total = len(uses.paths)
    return RepositoryMap(record.name, record.commit, focus, budget, total, uses.complete, files)


def _ranked(
    uses: NameUses,
    focus: str,
    record: RepositoryRecord,
    engines: Engines,
    visible: Visible | None,
) -> Importance:
    if not focus or not uses.paths:
        return importance(uses)
    weights = _at_paths(uses, focus, record)
    if not weights:
        numbers = {path: number for number, path in enumerate(uses.paths)}
        hits = search(focus, engines, repo=record.name, limit=_PASSAGES, visible=visible)
        for place, hit in enumerate(hits, 1):
            if (number := numbers.get(hit.path)) is not None:
                weights[number] = weights.get(number, 0.0) + 1 / place
    return importance(uses, weights)


def _at_paths(uses: NameUses, focus: str, record: RepositoryRecord) -> dict[int, float]:
    """The files that a focus names as a path or glob does; none for other words."""
    if any(char.isspace() for char in focus):
        return {}
    try:
        chosen = set(read_filter(focus, [record]).choose(uses.paths))
    except UsageError:
        return {}
    return {
        number: path_factor(path, frozenset())
        for number, path in enumerate(uses.paths)
        if path in chosen
    }


def _files(
    uses: NameUses, ranks: Importance, record: RepositoryRecord, engines: Engines, room: int
) -> tuple[MapFile, ...]:
    """The files and definitions that there is room for, the most important first.

    :param room: in characters.
    """
    best = np.argsort(-ranks.files, kind="stable")[: max(1, room // _LEAST_CHARS)].tolist()
    read = read_indexed_files(record, [uses.paths[file] for file in best], engines)
    shown: dict[int, list[MapDefinition]] = {}
    for file, name in _by_value(uses, ranks, best):
        indexed = read.get(uses.paths[file])
        if indexed is None:  # it has just gone
            continue
        definition = _definition(indexed, name) if name else None
        if name and definition is None:
            continue
        room -= len(definition.text if definition else indexed.path) + _MARGIN
        if room < 0 and shown:
            break
        shown.setdefault(file, []).extend([definition] if definition else [])
    return tuple(
        MapFile(
            uses.paths[file],
            read[uses.paths[file]].language,
            round(float(ranks.files[file]), 6),
            tuple(sorted(shown[file], key=lambda one: one.line)),
        )
        for file in best
        if file in shown
    )


def _by_value(uses: NameUses, ranks: Importance, files: Sequence[int]) -> Iterator[tuple[int, str]]:
    """What to show, the best first: files, without a name, each before its definitions."""
    brought = ranks.definitions
    names: dict[int, list[str]] = {file: [] for file in files}
    most: dict[int, float] = {}
    wanted = np.flatnonzero(np.isin(uses.definition_files, files) & (brought > 0))
    for number in wanted[np.argsort(-brought[wanted], kind="stable")].tolist():
        file = int(uses.definition_files[number])
        enough = brought[number] >= _LEAST_BROUGHT * most.setdefault(file, brought[number])
        if enough and len(names[file]) < _MAX_DEFINITIONS:
            names[file].append(uses.names[uses.definition_names[number]])
    # A file's first definition is worth as much as its path, and each further one half of that.
    rows = [
        (-float(ranks.files[file]) / 2 ** max(0, place - 1), order, place, name)
        for order, file in enumerate(files)
        for place, name in enumerate(["", *names[file]])
    ]
    for _, order, _, name in sorted(rows):
        yield files[order], name


def _definition(file: IndexedFile, name: str) -> MapDefinition | None:
    """Where a file defines a name: the outermost place of several."""
    places = [one for one in file.definitions if identifier(one.name) == name]
    if not places:
        return None
    one = min(places, key=lambda place: (place.symbol.count("."), place.line))
    return MapDefinition(one.name, one.symbol, one.line, one.text[:_LINE_CHARS])
