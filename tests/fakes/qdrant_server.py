"""Qdrant's REST API on a loopback port, as far as Harness uses it, so that several processes have
one index.

Points live in a ``QdrantClient(":memory:")``: filters, conditions of updates and scores are the
client's own imitation of the server, which does one request after the other as this does. Requests
have the form of https://api.qdrant.tech/api-reference.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

_WRITES = {"points", "delete", "payload"}


class FakeQdrant:
    """A context manager that serves; ``url`` is its address.

    ``writes`` are the requests that changed something, by method and path; leases are left out.
    While ``is_down``, connections end without an answer, as of a server that is being restarted.
    ``lost_nodes`` of three are missing, the first of them among these; while ``is_spreading``, one
    of the nodes does not have the last change yet. Both are as seen of Qdrant 1.19.
    """

    def __init__(self) -> None:
        self.client = QdrantClient(":memory:")
        self.writes: list[tuple[str, str]] = []
        self.is_down = False
        self.lost_nodes = 0
        self.is_spreading = False
        self._knows_lost = False
        self._turn = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeQdrant:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.client.close()

    def points(self, collection: str) -> dict[str, dict[str, Any]]:
        """Everything in a collection, by id."""
        with self._turn:
            found, _ = self.client.scroll(collection, limit=10**6, with_vectors=True)
        return {str(point.id): point.model_dump() for point in found}

    def answer(self, method: str, path: list[str], query: dict[str, str], body: bytes) -> Any:
        """The result of a request; KeyError: there is no such endpoint."""
        if method == "GET" and path == [""]:
            return None
        document = json.loads(body) if body else {}
        with self._turn:
            self._ask_others(query)
            if self.is_spreading and query.get("consistency") == "quorum":
                return []  # two nodes are asked, and only what both say counts
            match method, path:
                case "GET", ["collections"]:
                    return self.client.get_collections()
                case "GET", ["cluster"]:
                    return {"status": "disabled"}
                case "GET", ["collections", name, "exists"]:
                    return {"exists": self.client.collection_exists(name)}
                case "GET", ["collections", name]:
                    return self.client.get_collection(name)
                case "PUT", ["collections", name]:
                    made = models.CreateCollection(**document)
                    return self.client.create_collection(
                        name,
                        vectors_config=made.vectors or {},
                        sparse_vectors_config=made.sparse_vectors,
                    )
                case "DELETE", ["collections", name]:
                    self.writes.append((method, name))
                    return self.client.delete_collection(name)
                case "PUT", ["collections", _, "index"]:
                    return _done()
                case _, ["collections", name, "points", *action]:
                    if name != "harness-leases" and (method == "PUT" or _WRITES & {*action}):
                        self.writes.append((method, "/".join([name, *action])))
                    return self._points(method, name, action, document)
                case "POST", ["collections", name, "facet"]:
                    wanted = models.FacetRequest(**document)
                    return self.client.facet(
                        name, wanted.key, wanted.filter, limit=wanted.limit or 10, exact=True
                    )
        raise KeyError(path)

    def _ask_others(self, query: dict[str, str]) -> None:
        consistency, ordering = query.get("consistency"), query.get("ordering")
        needed = {"majority": 3, "quorum": 2}.get(consistency or "", 1)
        if 3 - self.lost_nodes < needed:
            raise RuntimeError(f"{self.lost_nodes} of {needed} read operations failed: tcp connect")
        if self.lost_nodes and (
            ordering == "strong" or (ordering == "medium" and not self._knows_lost)
        ):
            self._knows_lost = True
            raise RuntimeError(
                f"Failed to apply update with {ordering.title()} ordering via leader peer 3: "
                "tcp connect error"
            )

    def _points(self, method: str, name: str, action: list[str], document: Any) -> Any:
        client = self.client
        match method, action:
            case "PUT", []:
                upserted = models.PointsList(**document)
                return client.upsert(name, upserted.points, update_filter=upserted.update_filter)
            case "POST", []:
                asked = models.PointRequest(**document)
                return client.retrieve(name, asked.ids, with_payload=True, with_vectors=False)
            case "POST", ["scroll"]:
                scroll = models.ScrollRequest(**document)
                points, offset = client.scroll(
                    name,
                    scroll_filter=scroll.filter,
                    limit=scroll.limit or 10,
                    offset=scroll.offset,
                    with_payload=True,
                    with_vectors=scroll.with_vector or False,
                )
                return {"points": points, "next_page_offset": offset}
            case "POST", ["count"]:
                return client.count(name, models.CountRequest(**document).filter, exact=True)
            case "POST", ["delete"]:
                adapter: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)
                return client.delete(name, adapter.validate_python(document))
            case "POST", ["payload"]:
                changed = models.SetPayload(**document)
                return client.set_payload(
                    name, changed.payload, points=changed.filter or changed.points or []
                )
            case "POST", ["query", "batch"]:
                queries = models.QueryRequestBatch(**document).searches
                return client.query_batch_points(name, queries)
        raise KeyError(action)


def _done() -> dict[str, object]:
    return {"operation_id": 0, "status": "completed"}


def _handler(fake: FakeQdrant) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            if len(body) < length or fake.is_down:  # the sender is gone, or we are
                self.close_connection = True
                return
            parts = urlsplit(self.path)
            path = [unquote(part) for part in parts.path.strip("/").split("/")]
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            try:
                result = fake.answer(self.command, path, query, body)
            except KeyError as error:
                self.send(404, {"status": {"error": f"not found: {error}"}, "time": 0.0})
            except ValueError as error:  # what the local client raises for a missing collection
                self.send(400, {"status": {"error": str(error)}, "time": 0.0})
            except RuntimeError as error:
                text = f"Service internal error: {error}"
                self.send(500, {"status": {"error": text}, "time": 0.0})
            else:
                document: dict[str, object] = {"result": _plain(result), "status": "ok", "time": 0}
                if path == [""]:
                    document = {"title": "qdrant - vector search engine", "version": "1.19.0"}
                self.send(200, document)

        def send(self, status: int, document: dict[str, object]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = serve  # noqa: N815 - the library's names

    return Handler


def _plain(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    if isinstance(result, list):
        return [_plain(one) for one in result]
    if isinstance(result, dict):
        return {key: _plain(value) for key, value in result.items()}
    return result
