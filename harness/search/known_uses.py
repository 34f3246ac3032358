"""Keeps the name uses of repositories: reading them takes seconds, ranking them hundredths."""

from __future__ import annotations

import threading

from harness.search.name_uses import NameUses, read_name_uses
from harness.store.protocol import VectorStore
from harness.types import RepositoryRecord

_MOST_USES = 10_000_000
"""Kept at once, 12 bytes each; those that were read first go first."""


class KnownUses:
    """The name uses of repositories; those of one are read again when it was indexed again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, ...], NameUses] = {}

    def of(self, store: VectorStore, record: RepositoryRecord) -> NameUses:
        """Those of a repository; whoever asks while they are being read waits for them."""
        state = (record.commit, record.indexed_at, str(record.files), str(record.chunks))
        key = (record.name, record.collection, *state)
        if (found := self._kept.get(key)) is not None:
            return found
        with self._lock:
            if (found := self._kept.get(key)) is None:
                found = read_name_uses(store, record)
                if not record.unfinished:
                    self._keep(key, found)
        return found

    def _keep(self, key: tuple[str, ...], found: NameUses) -> None:
        room = _MOST_USES - len(found.use_files)
        for other in reversed(list(self._kept)):
            room -= len(self._kept[other].use_files)
            if room < 0 or other[:2] == key[:2]:
                del self._kept[other]
        self._kept[key] = found
