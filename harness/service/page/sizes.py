"""How much of each language a repository has, from the index's records of its files."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from harness.chunking.detection import detect_language
from harness.engines import Engines
from harness.index.status import RepositoryStatus
from harness.types import FileStatus

_KEPT = 1_000
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Share:
    """A language's part: ``start`` and ``percent`` place it in a bar of 100."""

    language: str
    size_bytes: int
    start: float
    percent: float


class LanguageSizes:
    """Sizes by language; those of a repository are read again when it was indexed again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str, str, int], tuple[Share, ...]] = OrderedDict()

    def of(self, status: RepositoryStatus, engines: Engines) -> tuple[Share, ...]:
        """The shares of a repository, largest first; empty before the first run."""
        if not status.collection:
            return ()
        key = (status.name, status.collection, status.indexed_at, status.files)
        with self._lock:
            if key in self._known:
                return self._known[key]
        sizes: dict[str, int] = {}
        for record in engines.store.file_records(status.collection, status.name).values():
            if record.status is FileStatus.INDEXED:
                language = detect_language(record.path).name
                sizes[language] = sizes.get(language, 0) + record.size_bytes
        found = shares(sizes)
        if not status.incomplete:
            with self._lock:
                self._known[key] = found
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return found


def shares(sizes: Mapping[str, int]) -> tuple[Share, ...]:
    """The largest languages, and the rest as ``other``."""
    total = sum(sizes.values())
    if not total:
        return ()
    ordered = sorted(sizes.items(), key=lambda one: (-one[1], one[0]))
    rest = sum(size for _, size in ordered[_SHOWN:])
    chosen = ordered[:_SHOWN] + ([("other", rest)] if rest else [])
    found: list[Share] = []
    start = 0.0
    for language, size in chosen:
        percent = 100 * size / total
        found.append(Share(language, size, round(start, 2), round(percent, 2)))
        start += percent
    return tuple(found)
