"""A progress artifact that moves while batches are indexed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_logger

from harness.index.batches import Progress
from harness.index.planning import Batch

# A chunk is about 900 non-blank characters; this only shapes the movement within a batch.
_BYTES_PER_CHUNK = 1200
# A batch is complete only when it is stored.
_MOST_BEFORE_STORED = 0.95


class IndexProgress:
    """Progress of a run in percent of the bytes to index.

    Tasks report from their threads; only the flow's thread speaks to the server.

    :param batches: the run's batches; none means that there is nothing to do.
    """

    def __init__(self, repo: str, batches: Sequence[Batch]) -> None:
        self._sizes = {batch.number: max(batch.size_bytes, 1) for batch in batches}
        self._chunks = dict.fromkeys(self._sizes, 0)
        self._done: set[int] = set()
        self._lock = threading.Lock()
        self._shown = self.percent()
        created = create_progress_artifact(
            progress=self._shown,
            key=artifact_key("index-progress", repo),
            description=f"Indexing {repo}: {len(batches)} batches",
        )
        if not isinstance(created, UUID):  # a coroutine, were this an async flow
            raise TypeError("a progress artifact can only be made in a synchronous flow")
        self._artifact_id = created

    def reporter(self, batch: Batch) -> Callable[[Progress], None]:
        """What a batch's task reports to; may be called from any thread."""

        def report(progress: Progress) -> None:
            with self._lock:
                self._chunks[batch.number] += progress.chunks

        return report

    def finish(self, batch: Batch) -> None:
        """Count a batch as done, whatever became of it."""
        with self._lock:
            self._done.add(batch.number)

    def percent(self) -> float:
        """0 to 100; never less than before except when a batch is tried again."""
        with self._lock:
            total = sum(self._sizes.values())
            done = sum(self._share(number) * size for number, size in self._sizes.items())
        return round(100.0 * done / total, 1) if total else 100.0

    def _share(self, number: int) -> float:
        if number in self._done:
            return 1.0
        estimate = self._chunks[number] * _BYTES_PER_CHUNK / self._sizes[number]
        return min(estimate, _MOST_BEFORE_STORED)

    def show(self) -> None:
        """Move the artifact when there is something new."""
        percent = self.percent()
        if percent > self._shown:
            self._shown = percent
            move(self._artifact_id, progress=percent)


def move(artifact: UUID, **changes: Any) -> None:
    """Change a progress artifact. A server that is overloaded or being restarted does not take it;
    it is only shown less, for the work itself goes on without it."""
    try:
        update_progress_artifact(artifact_id=artifact, **changes)
    except httpx.HTTPError as error:
        get_logger(__name__).warning("progress could not be shown: %s", error)


def artifact_key(kind: str, repo: str) -> str:
    """A key as Prefect allows it: lower-case letters, digits and dashes."""
    name = re.sub(r"[^a-z0-9]+", "-", repo.lower()).strip("-")
    return f"{kind}-{name}" if name else kind
