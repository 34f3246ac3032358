"""One query of a search, as every engine understands it: which ranked lists, among which chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.types import Candidate, CandidateLists, Filter, FloatArray, SparseVector

Match = tuple[str, tuple[str, ...]]
"""A condition on a payload: this key has one of these values. Without values nothing matches."""

MAX_VALUES = 1_000_000
"""Most different values of a key that a store is asked for: more than any index has paths."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line, 1-based, of each of these files."""

    paths: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreQuery:
    """What a search asks of a store.

    ``dense``: query vector ``(dim,)``, None to search lexically only. ``sparse``: query terms; None
    or empty for a dense search only. ``definitions``: folded names, for a list of the chunks
    that define one of them. ``stems``: folded file names without extension, for a list of these
    files' chunks. ``files``: paths, for another such list, to which the chunks at ``places`` are
    added. ``limit``: most candidates in a list.
    """

    dense: FloatArray | None = None
    sparse: SparseVector | None = None
    definitions: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    where: Filter = field(default_factory=Filter)
    limit: int


@dataclass(frozen=True, slots=True)
class RankedList:
    """One list of a query: what is nearest to a vector among the chunks that match.

    ``name`` is the field of :class:`CandidateLists` that the list becomes, or is appended to.
    ``line``: only chunks that hold this line; 0 for any.
    """

    name: str
    vector: FloatArray | SparseVector
    where: tuple[Match, ...]
    line: int = 0


def ranked_lists(query: StoreQuery) -> tuple[RankedList, ...]:
    """The lists that answer a query; none when it has no vector."""
    where = matches(query.where)
    lists: list[RankedList] = []
    if query.dense is not None:
        lists.append(RankedList("dense", query.dense, where))
    if query.sparse is not None and query.sparse.indices:
        lists.append(RankedList("lexical", query.sparse, where))
        # Among chunks that define a name or belong to a named file, the lexical score decides.
        for name, key, values in (
            ("defined", "definitions", query.definitions),
            ("stem", "stem", query.stems),
            ("named", "path", query.files),
        ):
            if values:
                lists.append(RankedList(name, query.sparse, (*where, (key, values))))
        lists.extend(
            RankedList("named", query.sparse, (*where, ("path", place.paths)), place.line)
            for place in query.places
        )
    return tuple(lists)


def matches(where: Filter) -> tuple[Match, ...]:
    """The conditions of a filter."""
    asked = (
        ("repo", where.repos),
        ("language", where.languages),
        ("path", where.paths),
        ("kind", where.kinds),
        ("definitions", where.definitions),
    )
    return tuple((key, values) for key, values in asked if values is not None)


def files_of(repo: str, paths: Sequence[str] | None = None) -> tuple[Match, ...]:
    """The conditions for what belongs to these files of a repository, or (None) to all of it."""
    return matches(Filter(repos=(repo,), paths=None if paths is None else tuple(paths)))


def candidate_lists(
    lists: Sequence[RankedList], answers: Iterable[Iterable[Candidate]]
) -> CandidateLists:
    """Put an engine's answers, one for each list and in their order, into the lists' places.

    :param answers: best first.
    """
    found: dict[str, tuple[Candidate, ...]] = {}
    for one, answer in zip(lists, answers, strict=True):
        found[one.name] = found.get(one.name, ()) + tuple(answer)
    return CandidateLists(**found)
