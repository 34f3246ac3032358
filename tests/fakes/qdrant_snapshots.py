"""An imitation of Qdrant's snapshot endpoints, and of nothing else, on a loopback port.

Written from the official description (https://qdrant.tech/documentation/concepts/snapshots/ and
https://api.qdrant.tech/api-reference/snapshots) and compared with Qdrant 1.19.0, one node and
three: a collection's shards, and of snapshots create, list, download, delete, and recover from an
upload with ``checksum`` and ``priority``. An uploaded file stays until it is deleted, for which its
collection must be there. Points live in a ``QdrantClient(":memory:")`` that the test shares,
because that client has no snapshots of its own; a "snapshot" is a pickle of one of its collections.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from qdrant_client import QdrantClient

Hook = Callable[[str, str], int | None]


class FakeSnapshots:
    """A context manager that serves; ``url`` is its address.

    ``hook`` sees (method, path) of each request and may return a status to answer with.
    ``corrupt_downloads`` flips a byte of that many downloads. ``shards`` are the states of a
    collection's shards on the node that answers; None is one that only another node has. For
    ``copying`` looks at them, another node is still given its copy. ``nodes`` are the ids of a
    cluster's nodes, of which this is the first; ``lost`` cannot be reached, ``dead`` are those of
    them that had a copy of every collection, and ``copies`` are the collections that others were
    given, as (collection, node).
    """

    def __init__(self, client: QdrantClient, api_key: str | None = None) -> None:
        self.client = client
        self.api_key = api_key
        self.stored: dict[tuple[str, str], bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.hook: Hook | None = None
        self.corrupt_downloads = 0
        self.shards: list[str | None] = ["Active"]
        self.copying: int | None = None
        self.nodes: list[int] = []
        self.lost: set[int] = set()
        self.dead: list[int] = []
        self.copies: list[tuple[str, int]] = []
        self.factors: dict[str, int] = {}
        self.number = 0
        # Not through upserts: a local client would normalise the vectors once more.
        self._collections: dict[str, Any] = client._client.collections  # type: ignore[attr-defined]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeSnapshots:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def create(self, name: str) -> dict[str, Any]:
        """Dump a collection."""
        data = pickle.dumps(self._collections[name])
        self.number += 1
        snapshot = f"{name}-1-2026-03-02-03-30-{self.number:02}.snapshot"
        self.stored[name, snapshot] = data
        return self.describe(name, snapshot)

    def describe(self, name: str, snapshot: str) -> dict[str, Any]:
        """A ``SnapshotDescription``."""
        data = self.stored[name, snapshot]
        return {
            "name": snapshot,
            "creation_time": "2026-03-02T03:30:00",
            "size": len(data),
            "checksum": hashlib.sha256(data).hexdigest(),
        }

    def recover(self, name: str, data: bytes) -> None:
        """Make or replace a collection."""
        self._collections[name] = pickle.loads(data)


def _handler(fake: FakeSnapshots) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.serve("GET")

        def do_POST(self) -> None:
            self.serve("POST")

        def do_DELETE(self) -> None:
            self.serve("DELETE")

        def do_PATCH(self) -> None:
            self.serve("PATCH")

        def serve(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if "chunked" in (self.headers.get("transfer-encoding") or ""):
                body = self.read_chunks()
            parts = urlsplit(self.path)
            path = [unquote(part) for part in parts.path.strip("/").split("/")]
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            fake.requests.append((method, self.path))
            if fake.api_key and self.headers.get("api-key") != fake.api_key:
                return self.error(403, "forbidden")
            status = fake.hook(method, parts.path) if fake.hook else None
            if status:
                return self.error(status, "told to fail")
            match method, path:
                case "GET", ["cluster"]:
                    return self.answer(self.cluster())
                case "PATCH", ["collections", name]:
                    fake.factors[name] = json.loads(body)["params"]["replication_factor"]
                    return self.answer(True)
                case "POST", ["collections", name, "cluster"]:
                    asked = json.loads(body)["replicate_shard"]
                    if asked["to_peer_id"] in fake.lost or asked["from_peer_id"] != 1:
                        return self.error(400, "no such peer")
                    fake.copies.append((name, asked["to_peer_id"]))
                    return self.answer(True)
                case "GET", ["collections", name, "cluster"]:
                    if not fake.client.collection_exists(name):
                        return self.error(404, f"Collection `{name}` doesn't exist!")
                    local = [
                        {"shard_id": number, "points_count": 1, "state": state}
                        for number, state in enumerate(fake.shards)
                        if state
                    ]
                    return self.answer(
                        {"peer_id": 1, "shard_count": len(fake.shards), "local_shards": local}
                        | self.elsewhere(name)
                    )
                case "POST", ["collections", name, "snapshots"]:
                    if not fake.client.collection_exists(name):
                        return self.error(404, f"Collection `{name}` doesn't exist!")
                    return self.answer(fake.create(name))
                case "GET", ["collections", name, "snapshots"]:
                    kept = [snapshot for of, snapshot in fake.stored if of == name]
                    return self.answer([fake.describe(name, snapshot) for snapshot in kept])
                case "GET", ["collections", name, "snapshots", snapshot]:
                    return self.download(fake.stored[name, snapshot])
                case "DELETE", ["collections", name, "snapshots", snapshot]:
                    if not fake.client.collection_exists(name):
                        return self.error(404, f"Collection `{name}` doesn't exist!")
                    return self.answer(fake.stored.pop((name, snapshot), None) is not None)
                case "POST", ["collections", name, "snapshots", "upload"]:
                    filename, data = self.form_file(body)
                    if query.get("priority") not in {"no_sync", "snapshot", "replica"}:
                        return self.error(400, "unknown priority")
                    if query.get("checksum") not in {None, hashlib.sha256(data).hexdigest()}:
                        return self.error(400, "Snapshot checksum mismatch")
                    fake.stored[name, filename] = data
                    fake.recover(name, data)
                    return self.answer(True)
            return self.error(404, "not found")

        def cluster(self) -> dict[str, Any]:
            if not fake.nodes:
                return {"status": "disabled"}
            uri = "http://node-{}:6335/".format
            return {
                "status": "enabled",
                "peer_id": 1,
                "peers": {str(node): {"uri": uri(node)} for node in fake.nodes},
                "message_send_failures": {uri(node): {"count": 9} for node in fake.lost},
            }

        def elsewhere(self, name: str) -> dict[str, Any]:
            if fake.copying is None:
                remote = [
                    {"shard_id": 0, "peer_id": node, "state": "Active"}
                    for collection, node in fake.copies
                    if collection == name
                ] + [{"shard_id": 0, "peer_id": node, "state": "Dead"} for node in fake.dead]
                return {"remote_shards": remote, "shard_transfers": []}
            left, fake.copying = fake.copying, max(0, fake.copying - 1)
            state = "Recovery" if left else "Active"
            transfers = [{"shard_id": 0, "from": 1, "to": 2, "sync": True}] if left else []
            shard = {"shard_id": 0, "peer_id": 2, "state": state}
            return {"remote_shards": [shard], "shard_transfers": transfers}

        def read_chunks(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def form_file(self, body: bytes) -> tuple[str, bytes]:
            """Name and content of the file of the one field ``snapshot``."""
            boundary = (self.headers["content-type"] or "").partition("boundary=")[2].encode()
            head, _, rest = body.partition(b"\r\n\r\n")
            assert b'name="snapshot"' in head
            filename = head.partition(b'filename="')[2].partition(b'"')[0].decode()
            return filename, rest.rpartition(b"\r\n--" + boundary)[0]

        def answer(self, result: object) -> None:
            self.send(200, json.dumps({"result": result, "status": "ok", "time": 0.01}).encode())

        def error(self, status: int, message: str) -> None:
            self.send(status, json.dumps({"status": {"error": message}, "time": 0.0}).encode())

        def download(self, data: bytes) -> None:
            if fake.corrupt_downloads:
                fake.corrupt_downloads -= 1
                data = data[:-1] + bytes([data[-1] ^ 1])
            self.send(200, data, "application/octet-stream")

        def send(self, status: int, data: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if "gzip" in (self.headers.get("accept-encoding") or ""):  # as the real server does
                data = gzip.compress(data)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
