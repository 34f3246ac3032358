"""Qdrant's snapshot endpoints over HTTP.

``qdrant-client`` can start a snapshot but neither download nor upload one, and both must be
streamed. https://qdrant.tech/documentation/concepts/snapshots/
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from harness.errors import HarnessError, ServiceUnavailableError, StoreError
from harness.files import new_private
from harness.proxies import route_to
from harness.store.qdrant_failures import failure, said

# The server answers when it has copied or restored the whole collection.
_WORK_TIMEOUT_SECONDS = 3600.0
_CHUNK_BYTES = 1 << 20
_LOOK_SECONDS = 1.0
_CALM_LOOKS = 2
_WARN_SECONDS = 60.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteSnapshot:
    """A snapshot on the server; ``checksum`` is its SHA-256, None from servers before 1.10."""

    collection: str
    name: str
    checksum: str | None


class SnapshotApi:
    """Create, download, delete and upload snapshots of one server.

    Every method raises :class:`ServiceUnavailableError` when the server does not answer and
    :class:`StoreError` when it refuses.

    :param address: URL of the server; TLS certificates are verified.
    :param api_key: sent as ``api-key``; None sends none.
    :param timeout_seconds: longest wait for a connection.
    """

    def __init__(self, address: str, api_key: str | None, timeout_seconds: float) -> None:
        self._address = address
        self._http = httpx.Client(
            base_url=address,
            headers={"api-key": api_key} if api_key else {},
            timeout=httpx.Timeout(timeout_seconds, read=_WORK_TIMEOUT_SECONDS),
            # One connection, kept: of a cluster, only the node that made a snapshot has it.
            limits=httpx.Limits(max_connections=1, keepalive_expiry=600),
            **route_to(address).options(),
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            detail = f"{status} {said(error.response.text)}".strip()
            raise failure(self._address, status, detail) from error
        except httpx.HTTPError as error:
            detail = str(error) or type(error).__name__
            raise failure(self._address, 503, detail) from error
        except ValueError as error:
            raise StoreError(f"{self._address} does not answer like Qdrant: {error}") from error

    def _request(self, method: str, url: str, **options: Any) -> Any:
        with self._translated():
            response = self._http.request(method, url, **options)
            response.raise_for_status()
            return response.json().get("result")

    def create(self, collection: str) -> RemoteSnapshot:
        """Make a snapshot and wait for it.

        :raises StoreError: also when the node that answers does not hold the whole collection.
        """
        self._require_whole(collection)
        result = self._request("POST", _url(collection), params={"wait": "true"})
        if not isinstance(result, dict) or not isinstance(result.get("name"), str):
            raise StoreError(f"Qdrant at {self._address} made no snapshot of {collection}")
        return RemoteSnapshot(collection, result["name"], result.get("checksum"))

    def _held(self, collection: str) -> dict[str, Any]:
        """The collection's shards, as seen by the node at the other end of the connection; there
        may be several nodes behind one address."""
        held = self._request("GET", f"/collections/{quote(collection, safe='')}/cluster")
        if not isinstance(held, dict):
            raise StoreError(f"Qdrant at {self._address} says nothing of the shards: {held!r}")
        return held

    def _require_whole(self, collection: str) -> None:
        held = self._held(collection)
        whole = [s for s in held.get("local_shards", ()) if s.get("state") == "Active"]
        if len(whole) < (parts := held.get("shard_count", 1)):
            raise StoreError(
                f"the node of Qdrant at {self._address} that answered holds {len(whole)} of {parts}"
                f" parts of {collection}, so its snapshot would miss some; try again when it has "
                "caught up, or replicate the collection to every node"
            )

    def _wait_for_copies(self, collection: str) -> None:
        """Wait until the other nodes of a cluster hold what one of them was just given; a node that
        cannot be reached is not waited for.

        For a moment before the copying begins nothing seems to happen, so looking once is not
        enough.
        """
        began = time.monotonic()
        warned = began
        calm = 0
        while (held := self._held(collection)).get("remote_shards") and calm < _CALM_LOOKS:
            _, lost = self._nodes()
            shards = [
                *held.get("local_shards", ()),
                *(shard for shard in held["remote_shards"] if shard.get("peer_id") not in lost),
            ]
            moving = [m for m in held.get("shard_transfers", ()) if m.get("to") not in lost]
            settled = shards and all(shard.get("state") == "Active" for shard in shards)
            calm = calm + 1 if settled and not moving else 0
            now = time.monotonic()
            if now - warned > _WARN_SECONDS:
                warned = now
                logger.warning(
                    "the nodes of Qdrant at %s still copy %s to each other after %d s; if this goes"
                    " on, look at their logs",
                    *(self._address, collection, now - began),
                )
            if now - began > _WORK_TIMEOUT_SECONDS:
                raise ServiceUnavailableError(
                    f"the nodes of Qdrant at {self._address} still copy {collection} to each other;"
                    " look at their logs"
                )
            time.sleep(_LOOK_SECONDS)

    def _nodes(self) -> tuple[dict[int, str], set[int]]:
        """The addresses of a cluster's nodes by id, none without a cluster; and the ids of those
        that the node at the other end of the connection cannot reach."""
        cluster = self._request("GET", "/cluster")
        if not isinstance(cluster, dict):
            raise StoreError(f"Qdrant at {self._address} says nothing of its nodes: {cluster!r}")
        nodes = {int(id): str(node.get("uri")) for id, node in (cluster.get("peers") or {}).items()}
        failing = cluster.get("message_send_failures") or {}
        return nodes, {node for node, uri in nodes.items() if uri in failing}

    def _spread(self, collection: str) -> None:
        """Give a copy to each node that has none.

        A snapshot carries the number of copies that its collection had: what comes from one server
        would be on one node of a cluster, and lost with it.
        """
        nodes, lost = self._nodes()
        held = self._held(collection)
        holders: dict[int, set[int]] = {}
        for shard in (*held.get("local_shards", ()), *held.get("remote_shards", ())):
            node = shard.get("peer_id", held.get("peer_id"))
            holders.setdefault(shard["shard_id"], set()).add(node)
        missing = [
            (shard, node)
            for shard, have in sorted(holders.items())
            for node in sorted(nodes)
            if node not in have
        ]
        if not missing:
            return
        name = f"/collections/{quote(collection, safe='')}"
        copies = {"params": {"replication_factor": len(nodes)}}
        self._request("PATCH", name, json=copies)
        for shard, node in missing:
            if node in lost:
                logger.warning(
                    "the node of Qdrant at %s cannot be reached and gets no copy of %s; restore"
                    " again, or replicate it, when it is back",
                    *(nodes[node], collection),
                )
                continue
            # One after the other: a part that is being copied cannot be copied once more.
            source = min(holders[shard] - lost)
            asked = {"shard_id": shard, "from_peer_id": source, "to_peer_id": node}
            self._request("POST", f"{name}/cluster", json={"replicate_shard": asked})
            self._wait_for_copies(collection)

    def delete(self, collection: str, name: str) -> None:
        """Remove a snapshot from the server."""
        self._request("DELETE", _url(collection, name), params={"wait": "true"})

    def download(self, remote: RemoteSnapshot, target: Path) -> tuple[str, int]:
        """Stream a snapshot into a new file; durable on return.

        :returns: its SHA-256 and its size in bytes.
        :raises ServiceUnavailableError: also when it arrived damaged: another try may help.
        """
        digest, size = hashlib.sha256(), 0
        with (
            self._translated(),
            new_private(target) as file,
            # Uncompressed: the checksum is that of the file on the server's disk.
            self._http.stream(
                "GET",
                _url(remote.collection, remote.name),
                headers={"accept-encoding": "identity"},
            ) as response,
        ):
            if response.is_error:
                response.read()  # for what it says
            response.raise_for_status()
            for data in response.iter_raw(_CHUNK_BYTES):
                digest.update(data)
                size += len(data)
                file.write(data)
        if remote.checksum and digest.hexdigest() != remote.checksum.lower():
            raise ServiceUnavailableError(
                f"the snapshot of {remote.collection} arrived damaged (its sha256 differs from the "
                "server's); try again"
            )
        return digest.hexdigest(), size

    def upload(
        self, collection: str, source: Path, sha256: str, *, everywhere: bool = True
    ) -> None:
        """Create a collection from a snapshot, or replace it; the server checks the SHA-256 first.

        With ``priority=snapshot`` the file decides, not what replicas hold. On return they hold it,
        too, as far as they can be reached.

        :param everywhere: give it to the nodes of a cluster that have no replica, too.
        """
        params = {"wait": "true", "priority": "snapshot", "checksum": sha256}
        try:
            with source.open("rb") as file:
                files = {"snapshot": (source.name, file, "application/octet-stream")}
                url = f"{_url(collection)}/upload"
                if self._request("POST", url, params=params, files=files) is not True:
                    raise StoreError(f"Qdrant at {self._address} did not restore {source.name}")
            self._wait_for_copies(collection)
            if everywhere:
                self._spread(collection)
        finally:
            # The server keeps what was uploaded among the collection's snapshots, even after the
            # collection is deleted: code on its disk that nothing would remove any more.
            with suppress(HarnessError):
                self.delete(collection, source.name)


def _url(collection: str, name: str = "") -> str:
    base = f"/collections/{quote(collection, safe='')}/snapshots"
    return f"{base}/{quote(name, safe='')}" if name else base
