"""Looks a name up: where it is defined, and which lines use it. From the index alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.engines import Engines
from harness.errors import UsageError
from harness.folding import fold
from harness.models import lexical
from harness.search.definitions import definitions_of, is_inside, lines_with
from harness.search.operators import name_parts
from harness.search.path_kinds import path_factor
from harness.store.catalog import Visible, in_scope_at
from harness.store.queries import StoreQuery
from harness.types import Candidate, Filter, SparseVector

MAX_PLACES = 500
"""Most definitions, and most uses, of one answer."""

# Chunks that are looked through for a name.
_CHUNKS = 1_000
_MAX_NAME_CHARS = 300
_MAX_LINE_CHARS = 300


@dataclass(frozen=True, slots=True)
class SymbolPlace:
    """A line with the name: ``text`` is the line, ``symbol`` the definition that it is or is in."""

    repo: str
    path: str
    line: int
    symbol: str
    language: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SymbolPlaces:
    """The ``symbol`` JSON contract. ``complete`` is False when there may be more places."""

    name: str
    definitions: tuple[SymbolPlace, ...]
    references: tuple[SymbolPlace, ...]
    complete: bool


def find_symbol(
    name: str,
    engines: Engines,
    *,
    repo: str | None = None,
    limit: int = 100,
    visible: Visible | None = None,
) -> SymbolPlaces:
    """Where a name is defined and used.

    Definitions come from the parsed code; those of the wanted qualification (``Session.close``),
    with the same case and in ordinary source come first. Uses are lines with the name as a whole
    word, so that they include comments, and another thing of the same name.

    :param name: a name, which may be qualified as its language does.
    :param repo: a repository's name or folder; None: all of them.
    :param limit: most definitions, and most uses.
    :raises UsageError: the name is empty or no name, or the limit is out of range.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    name = name.strip().removesuffix("()")
    if not name or len(name) > _MAX_NAME_CHARS or any(char.isspace() for char in name):
        raise UsageError("say one name, such as open_store or Session.close")
    if not 1 <= limit <= MAX_PLACES:
        raise UsageError(f"the limit must be between 1 and {MAX_PLACES}")
    parts = name_parts(name)
    last = parts[-1]
    groups: dict[str, tuple[str, ...]] = {}
    for record in in_scope_at(engines.store, repo, visible):
        groups[record.collection] = (*groups.get(record.collection, ()), record.name)
    definitions: list[SymbolPlace] = []
    references: list[SymbolPlace] = []
    complete = True
    for collection, repos in groups.items():
        where = Filter(repos=repos)
        defining, using = (
            engines.store.query(
                collection, StoreQuery(sparse=terms, where=chosen, limit=_CHUNKS)
            ).lexical
            for chosen, terms in (
                (replace(where, definitions=(fold(last),)), lexical.query_vector(last)),
                (where, _as_written(last)),
            )
        )
        complete = complete and max(len(defining), len(using)) < _CHUNKS
        defined = [place for found in defining for place in _definitions(found, last)]
        at = {(place.repo, place.path, place.line) for place in defined}
        definitions += defined
        references += [
            place
            for found in using
            for place in _uses(found, last)
            if (place.repo, place.path, place.line) not in at
        ]
    outer = [fold(part) for part in parts[:-1]]
    definitions.sort(key=lambda place: _definition_order(place, last, outer))
    references.sort(key=_reference_order)
    definitions, references = list(dict.fromkeys(definitions)), list(dict.fromkeys(references))
    return SymbolPlaces(
        name,
        tuple(definitions[:limit]),
        tuple(references[:limit]),
        complete and len(definitions) <= limit and len(references) <= limit,
    )


def _as_written(name: str) -> SparseVector:
    """The term that every text with a name as a whole word has. What has only its parts, such as
    ``open`` of ``open_store``, is no use of it, and may be most of the index."""
    found = lexical.whole_words(name)
    terms = lexical.word_parts(found[0]) if len(found) == 1 else ()
    if not terms:  # push-down: several words, or none
        return lexical.query_vector(name)
    return SparseVector((lexical.term_id(terms[0]),), (1.0,))


def _definitions(found: Candidate, name: str) -> Iterator[SymbolPlace]:
    for one in definitions_of(found.chunk):
        if fold(one.name) == fold(name):
            yield _place(found, one.line, one.symbol, one.text)


def _uses(found: Candidate, name: str) -> Iterator[SymbolPlace]:
    for line, text in lines_with(found.chunk, name):
        yield _place(found, line, found.chunk.symbol, text)


def _place(found: Candidate, line: int, symbol: str, text: str) -> SymbolPlace:
    chunk = found.chunk
    shown = text[:_MAX_LINE_CHARS]
    return SymbolPlace(found.repo, found.path, line, symbol, chunk.language, chunk.kind, shown)


def _definition_order(
    place: SymbolPlace, name: str, outer: Sequence[str]
) -> tuple[bool, bool, float, str, str, int]:
    fits = is_inside(place.symbol, outer)
    return (not fits, place.symbol.rpartition(".")[2] != name, *_reference_order(place))


def _reference_order(place: SymbolPlace) -> tuple[float, str, str, int]:
    # Ordinary source first: tests and examples use a name more often than they explain it.
    return (-path_factor(place.path, frozenset()), place.repo, place.path, place.line)
