"""Prometheus metrics of the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from harness.types import RepositoryRecord

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Counts requests by route, so that no path or query becomes a label."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "harness_requests", "Requests by route and status.", ["route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "harness_request_seconds", "Time to an answer, or to the end of a stream.", ["route"],
            buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self.waiting = Gauge(
            "harness_searches_waiting", "Searches under way or waiting.", registry=self._registry
        )

    def text(self, records: Sequence[RepositoryRecord], now: datetime | None = None) -> bytes:
        """The page of metrics.

        :param records: the repositories that whoever asks may see.
        """
        repositories = CollectorRegistry()
        age = Gauge(
            "harness_index_age_seconds", "Time since a repository was indexed.", ["repository"],
            registry=repositories,
        )  # fmt: skip
        chunks = Gauge(
            "harness_index_chunks", "Chunks of a repository.", ["repository"],
            registry=repositories,
        )  # fmt: skip
        failed = Gauge(
            "harness_index_failed_files", "Files that could not be indexed.", ["repository"],
            registry=repositories,
        )  # fmt: skip
        now = now or datetime.now(UTC)
        for record in records:
            chunks.labels(record.name).set(record.chunks)
            failed.labels(record.name).set(record.failed)
            try:
                indexed = datetime.fromisoformat(record.indexed_at)
            except ValueError:  # never finished
                continue
            age.labels(record.name).set((now - indexed).total_seconds())
        return generate_latest(self._registry) + generate_latest(repositories)
