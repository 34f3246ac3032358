"""What is remembered of the shards that are open: while one is, nobody else writes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sys import getsizeof, intern
from typing import Any
from uuid import UUID

from harness.store.answer_memory import AnswerMemory
from harness.store.payload import CANDIDATE_KEYS, TENANT_INDEX, chunk_row
from harness.store.queries import MAX_VALUES, Match
from harness.types import Chunk

_MOST_BYTES = 80_000_000
"""In each of the two halves; a chunk takes one to two kilobytes. A process that searches 100,000
chunks again and again comes to have most of them: to read one from the shard takes 30 us, as long
as all that ranking does with it."""

_ROW_BYTES = 600
"""Of a chunk beside its text, with its place in the dictionary."""

_MOST_LISTS = 16
"""Of a key's values; one of all paths takes some megabytes in a large index."""

_REPEATED = ("repo", "path", "language", "kind")
"""What many chunks have in common is kept once."""

_STAYS_AFTER = 3
"""Searches after which a process is taken for one that goes on searching."""

_Row = tuple[str, str, str, str, int, int, str, str, str, tuple[str, ...], int]
"""Id, repository, path, then the fields of the chunk. Not the chunk itself: plain tuples of texts
and numbers are left alone by Python's collector of cycles, which would otherwise look through all
of them every hundred searches and hold one up for 50 ms. It takes a tuple off its list when what is
in it is off, at each of two collections before it would keep it: so not a tuple in a tuple in one.
"""

_TEXT = 3


class ShardMemory:
    """What was read of one shard, by a process that does not write to it meanwhile.

    :param shard: the open shard.
    """

    __slots__ = ("_asked", "_bytes", "_new", "_old", "_repos", "_values", "answers", "shard")

    def __init__(self, shard: Any) -> None:
        self.shard = shard
        self.answers = AnswerMemory()
        self._asked = 0
        self._repos: frozenset[str] | None = None
        self._values: dict[tuple[str, tuple[Match, ...]], tuple[str, ...]] = {}
        self._new: dict[int, _Row] = {}
        self._old: dict[int, _Row] = {}
        self._bytes = 0  # of the new ones

    def repos(self) -> frozenset[str]:
        """The repositories with points in the shard."""
        from qdrant_edge import FacetRequest

        if self._repos is None:
            found = self.shard.facet(FacetRequest(TENANT_INDEX, limit=MAX_VALUES, exact=True))
            self._repos = frozenset(str(hit.value) for hit in found.hits)
        return self._repos

    def is_settled(self) -> bool:
        """Count a search; true for the one with which it is likely that many more follow."""
        self._asked += 1
        return self._asked == _STAYS_AFTER

    def telling(self, where: Sequence[Match]) -> tuple[Match, ...]:
        """The conditions without one that every point meets: being in one of all repositories."""
        return tuple(
            (key, values)
            for key, values in where
            if key != TENANT_INDEX or not self.repos() <= set(values)
        )

    def values(
        self, key: str, where: Sequence[Match], read: Callable[[], Sequence[str]]
    ) -> tuple[str, ...]:
        """Different values of a payload key. Reading all paths takes as long as ten searches.

        :param where: of the points that match.
        :param read: reads them of the shard.
        """
        asked = key, tuple(where)
        found = self._values.pop(asked, None)
        if found is None:
            found = tuple(read())
            if len(self._values) >= _MOST_LISTS:
                del self._values[next(iter(self._values))]
        self._values[asked] = found  # as the one that was asked for last
        return found

    def chunks(self, ids: Mapping[int, UUID]) -> dict[int, tuple[str, str, str, Chunk]]:
        """Id, repository, path and chunk of points. Reading them takes as long as finding them, and
        with a query it would be done for every segment and every list.

        :param ids: by their numbers: hash and comparison of a UUID itself are Python code.
        """
        found: dict[int, tuple[str, str, str, Chunk]] = {}
        unread = []
        for number, id_ in ids.items():
            row = self._new.get(number) or self._recall(number)
            if row is None:
                unread.append(id_)
            else:
                found[number] = (*row[:3], Chunk(*row[3:]))
        if unread:
            for point in self.shard.retrieve(unread, CANDIDATE_KEYS, False):
                id_, data = point.id, point.payload  # each access makes it anew
                for key in _REPEATED:
                    data[key] = intern(data[key])
                row = (str(id_), data["repo"], data["path"], *chunk_row(data))
                self._keep(id_.int, row)
                found[id_.int] = (*row[:3], Chunk(*row[3:]))
        return found

    def _recall(self, point: int) -> _Row | None:
        found = self._old.get(point)
        if found is not None:
            self._keep(point, found)
        return found

    def _keep(self, point: int, row: _Row) -> None:
        # What was not asked for while so many others were is forgotten.
        self._bytes += getsizeof(row[_TEXT]) + _ROW_BYTES
        if self._bytes > _MOST_BYTES:
            self._old, self._new = self._new, {}
            self._bytes = getsizeof(row[_TEXT]) + _ROW_BYTES
        self._new[point] = row


class Memories:
    """The memory of each open shard; asked while the shard is held."""

    def __init__(self) -> None:
        self._of: dict[str, ShardMemory] = {}

    def of(self, collection: str, shard: Any) -> ShardMemory:
        """What is remembered of a shard; nothing when it was closed since, and perhaps changed.

        :param shard: as it is open now.
        """
        found = self._of.get(collection)
        if found is None or found.shard is not shard:
            found = self._of[collection] = ShardMemory(shard)
        return found

    def answers(self, collection: str, shard: Any) -> AnswerMemory | None:
        """The remembered answers; None when nothing was read of the shard since it was opened or
        written to. May be asked by who does not hold the shard.

        :param shard: as it is open now, None when it is not.
        """
        found = self._of.get(collection)
        return found.answers if found is not None and found.shard is shard else None

    def forget(self, collection: str) -> None:
        """Before something is written to a shard."""
        self._of.pop(collection, None)

    def clear(self) -> None:
        """When every shard is closed."""
        self._of.clear()
