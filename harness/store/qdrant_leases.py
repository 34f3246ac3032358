"""Leases on a Qdrant server: points without vectors, changed by a condition that the server itself
checks, since it does one update of a point after the other."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from harness.store.leases import Lease, LeaseStore
from harness.store.qdrant_records import record_id
from harness.store.qdrant_requests import QdrantRequests, conditions

LEASES = "harness-leases"


class QdrantLeases(LeaseStore):
    """A server's leases, in a collection of their own.

    :param requests: sends every request of the store.
    """

    def __init__(self, requests: QdrantRequests) -> None:
        self.requests = requests
        self._is_there = False

    def lease(self, key: str) -> Lease | None:
        from qdrant_client import models

        self._make()

        def ask(consistency: Any) -> Any:
            look = partial(self.requests.client.retrieve, LEASES, [record_id("lease", key)])
            return self.requests.call(partial(look, consistency=consistency))

        # A quorum is there while one node of three is not; a majority asks all of them. But nodes
        # of a quorum that differ, as while one of them has a change and the other has not yet,
        # find nothing. Only then is it asked whether there is anything, and what most have.
        found = ask(models.ReadConsistencyType.QUORUM)
        if not found and ask(1):
            found = ask(models.ReadConsistencyType.MAJORITY)
        return Lease(**(found[0].payload or {})) if found else None

    def swap_lease(self, new: Lease, expected: str | None) -> bool:
        from qdrant_client import models

        self._make()
        point_id = record_id("lease", new.key)
        client = self.requests.client
        seen = conditions([("version", (expected or "",))])
        # By the first of the nodes that are alive; a strong order would wait for one that is lost.
        # Should two nodes take themselves for the first, at most one of two changes gets a quorum.
        order = models.WriteOrdering.MEDIUM
        if expected is None:
            # No lease has an empty version, so one that is there stays (from Qdrant 1.16 on;
            # earlier servers know no condition here, and of two who hold something for the first
            # time ever in the same millisecond the later one wins).
            self.requests.call(
                partial(
                    client.upsert,
                    LEASES,
                    [models.PointStruct(id=point_id, vector={}, payload=asdict(new))],
                    update_filter=models.Filter(must=seen),
                    wait=True,
                    ordering=order,
                )
            )
        else:
            own = models.HasIdCondition(has_id=[point_id])
            self.requests.call(
                partial(
                    client.set_payload,
                    LEASES,
                    asdict(new),
                    points=models.Filter(must=[own, *seen]),
                    wait=True,
                    ordering=order,
                )
            )
        # The answer does not say whether the condition was met.
        now = self.lease(new.key)
        return now is not None and now.version == new.version

    def _make(self) -> None:
        if self._is_there:
            return
        if not self.requests.exists(LEASES):
            self.requests.create(LEASES, vectors_config={}, on_disk_payload=False)
            self.requests.index(LEASES, "version")
        self._is_there = True
