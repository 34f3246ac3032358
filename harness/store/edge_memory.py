"""What is remembered of the shards that are open: while one is, nobody else writes to it."""

from __future__ import annotations

from typing import Any

from harness.types import Chunk

_MOST_CHUNKS = 10_000
"""In each of the two halves; a chunk takes one to two kilobytes."""


class ShardMemory:
    """What was read of one shard, by a process that does not write to it meanwhile.

    ``repos``: the repositories with points in it; None: not looked yet.

    :param shard: the open shard.
    """

    __slots__ = ("_new", "_old", "repos", "shard")

    def __init__(self, shard: Any) -> None:
        self.shard = shard
        self.repos: frozenset[str] | None = None
        self._new: dict[int, tuple[str, str, Chunk]] = {}
        self._old: dict[int, tuple[str, str, Chunk]] = {}

    def chunk(self, point: int) -> tuple[str, str, Chunk] | None:
        """The repository, path and chunk of a point, if they are remembered.

        :param point: the number of its id.
        """
        found = self._new.get(point)
        if found is None and (found := self._old.get(point)) is not None:
            self.keep(point, found)
        return found

    def keep(self, point: int, chunk: tuple[str, str, Chunk]) -> None:
        """Remember a point; what was not asked for while 10,000 others were is forgotten."""
        if len(self._new) >= _MOST_CHUNKS:
            self._old, self._new = self._new, {}
        self._new[point] = chunk


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

    def forget(self, collection: str) -> None:
        """Before something is written to a shard."""
        self._of.pop(collection, None)

    def clear(self) -> None:
        """When every shard is closed."""
        self._of.clear()
