"""What only a Qdrant server has: answers that refuse, and payload indexes of former versions."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from httpx import Headers
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from harness.errors import StoreFullError
from harness.store.protocol import VectorStore
from harness.store.qdrant import QdrantStore
from harness.store.qdrant_failures import translate
from harness.store.queries import StoreQuery
from harness.types import Filter
from tests.store.points import COLLECTION, MANIFEST, point, vector


def found(store: VectorStore, where: Filter) -> set[str]:
    lists = store.query(COLLECTION, StoreQuery(dense=vector(0), where=where, limit=50))
    return {candidate.path for candidate in lists.dense}


def test_a_collection_with_the_indexes_of_a_former_version_is_used_on() -> None:
    client = QdrantClient(":memory:")
    with closing(QdrantStore(client, "memory")) as store:
        store.ensure_collection(MANIFEST)
        for key in ("segments", "symbol", "chunk_hash"):
            client.create_payload_index(COLLECTION, key, models.PayloadSchemaType.KEYWORD)
        store.upsert_chunks(COLLECTION, [point("src/a.py", "alpha", name="A"), point("b.py", "b")])
        former = point("src/a.py", "alpha", name="A").id
        client.set_payload(COLLECTION, {"segments": ["src", "a.py"]}, [former])
        store.ensure_collection(MANIFEST)
        assert found(store, Filter(paths=("src/a.py",))) == {"src/a.py"}
        store.upsert_chunks(COLLECTION, [point("src/a.py", "alpha", name="A")])
        (row,) = client.retrieve(COLLECTION, [former])
        assert "segments" not in (row.payload or {}), "what is indexed again has it no more"
        store.delete_chunks(COLLECTION, "repo", ["src/a.py"])
        assert found(store, Filter()) == {"b.py"}


def test_a_collection_that_was_killed_while_it_was_made_gets_its_indexes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        pass

    made: set[tuple[str, str]] = set()
    kills = [Killed()]

    def index(name: str, key: str, *_: object) -> None:
        if name.endswith("-files") and kills:
            raise kills.pop()
        made.add((name, key))

    client = QdrantClient(":memory:")
    monkeypatch.setattr(client, "create_payload_index", index)
    with closing(QdrantStore(client, "memory")) as store:
        with pytest.raises(Killed):
            store.ensure_collection(MANIFEST)
        store.ensure_collection(MANIFEST)
    files = f"{COLLECTION}-files"
    assert {(files, "repo"), (files, "path"), (COLLECTION, "repo")} <= made


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        pytest.param(401, "set QDRANT_API_KEY", id="wrong"),
        pytest.param(403, "set QDRANT_API_KEY to one that may write", id="read-only"),
    ],
)
def test_a_refused_key_names_what_is_wanted(status: int, remedy: str) -> None:
    answer = UnexpectedResponse(status, "", b"Global manage access is required", Headers())
    error = translate(answer, "http://q:6333")
    assert str(error) == f"Qdrant at http://q:6333 refused the API key; {remedy}"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        pytest.param(b'{"status":{"error":"Wrong input"},"time":0.0}', "Wrong input", id="qdrant"),
        pytest.param(b"<h1>Bad gateway</h1>", "<h1>Bad gateway</h1>", id="proxy"),
    ],
)
def test_a_refusal_says_what_the_server_said(content: bytes, detail: str) -> None:
    error = translate(UnexpectedResponse(400, "", content, Headers()), "http://q:6333")
    assert str(error) == f"Qdrant at http://q:6333 refused an operation: {detail}"


def test_a_full_disk_of_the_server_is_told_from_other_refusals() -> None:
    said = "Service internal error: No space left on device: WAL buffer size exceeds available"
    content = json.dumps({"status": {"error": said}, "time": 0.0}).encode()
    error = translate(UnexpectedResponse(500, "", content, Headers()), "http://q:6333")
    assert isinstance(error, StoreFullError)
    assert "http://q:6333 is full" in str(error)


@pytest.mark.parametrize(("limit", "in_view"), [(20, 256), (300, 600)])
def test_more_neighbours_are_kept_in_view_than_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, limit: int, in_view: int
) -> None:
    client = QdrantClient(":memory:")
    asked: list[models.QueryRequest] = []
    answer = client.query_batch_points

    def watched(name: str, requests: list[models.QueryRequest]) -> list[models.QueryResponse]:
        asked.extend(requests)
        return list(answer(name, requests))

    monkeypatch.setattr(client, "query_batch_points", watched)
    with closing(QdrantStore(client, "memory")) as store:
        store.ensure_collection(MANIFEST)
        store.query(COLLECTION, StoreQuery(dense=vector(0), where=Filter(), limit=limit))
    assert [request.params.hnsw_ef for request in asked if request.params] == [in_view]
