"""The contract of a vector store, for every engine: Edge, qdrant-client's local mode, and a real
server when HARNESS_TEST_QDRANT_URL names one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import StoreBusyError, StoreError, StoreFullError
from harness.index.fingerprint import with_collection
from harness.models import lexical
from harness.settings import QdrantSettings
from harness.store.edge import EdgeStore
from harness.store.protocol import VectorStore
from harness.store.qdrant import QdrantStore
from harness.store.qdrant_connection import address_of, connect
from harness.store.qdrant_requests import translate
from harness.types import (
    Chunk,
    ChunkPoint,
    FileRecord,
    FileStatus,
    Filter,
    Manifest,
    RepositoryRecord,
)

DIMENSION = 8
MANIFEST = with_collection(
    Manifest("test", "model", "digest", DIMENSION, "", "", "chunker", "tokenizer", "schema")
)
COLLECTION = MANIFEST.collection


def server_store() -> QdrantStore:
    url = os.environ.get("HARNESS_TEST_QDRANT_URL")
    if not url:
        pytest.skip("HARNESS_TEST_QDRANT_URL is not set")
    store = connect(QdrantSettings(QDRANT_URL=url))  # type: ignore[call-arg]
    for manifest in store.manifests():
        store.drop_collection(manifest.collection)
    for record in store.repositories():
        store.delete_repository(record.name)
    return store


@pytest.fixture(params=["edge", "memory", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    opened: VectorStore
    if request.param == "edge":
        opened = EdgeStore(tmp_path / "index", lock_timeout_seconds=5)
    elif request.param == "memory":
        from qdrant_client import QdrantClient

        opened = QdrantStore(QdrantClient(":memory:"), "memory")
    else:
        opened = server_store()
    opened.ensure_collection(MANIFEST)
    yield opened
    opened.close()


def vector(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return values / np.linalg.norm(values)


def point(
    path: str, text: str, *, repo: str = "repo", seed: int = 0, line: int = 1, name: str = ""
) -> ChunkPoint:
    definitions = (name,) if name else ()
    chunk = Chunk(text, line, line + text.count("\n"), "python", name, "function", definitions)
    return ChunkPoint(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{repo}/{path}/{text}")),
        repo=repo,
        path=path,
        chunk=chunk,
        chunk_hash=f"c-{text}",
        embed_hash=f"e-{path}-{text}",
        content_id="id",
        dense=vector(seed),
        sparse=lexical.document_vector(text, path, name),
    )


def record(path: str, repo: str = "repo", status: FileStatus = FileStatus.INDEXED) -> FileRecord:
    return FileRecord(repo, path, "id", 10, 20, status, 1, "", "", 1, 30)


def paths_of(store: VectorStore, query: str = "alpha beta gamma", **where: object) -> set[str]:
    lists = store.query(
        COLLECTION,
        dense=vector(0),
        sparse=lexical.query_vector(query),
        definitions=(),
        stems=(),
        where=Filter(**where),  # type: ignore[arg-type]
        limit=50,
    )
    return {candidate.path for candidate in lists.dense}


def test_a_point_comes_back_as_it_was_stored(store: VectorStore) -> None:
    text = "def naïve():\n\treturn '🦊'  \n\n"
    stored = point("src/ü b/a\nb.py", text, name="naïve", line=7)
    store.upsert_chunks(COLLECTION, [stored])
    lists = store.query(
        COLLECTION, dense=vector(0), sparse=None, definitions=(), stems=(), where=Filter(), limit=5
    )
    (candidate,) = lists.dense
    assert candidate.chunk == stored.chunk
    assert (candidate.id, candidate.repo, candidate.path) == (stored.id, "repo", "src/ü b/a\nb.py")
    assert candidate.score == pytest.approx(1.0, abs=1e-5)


def test_lists_are_ranked_by_meaning_words_and_names(store: VectorStore) -> None:
    points = [
        point("a.py", "alpha alpha one", seed=0),
        point("b.py", "def beta(): gamma", seed=1, name="Beta"),
        point("config.py", "delta gamma gamma", seed=2),
    ]
    store.upsert_chunks(COLLECTION, points)
    lists = store.query(
        COLLECTION,
        dense=vector(2),
        sparse=lexical.query_vector("alpha gamma beta"),
        definitions=("beta",),
        stems=("config",),
        where=Filter(),
        limit=3,
    )
    assert lists.dense[0].path == "config.py"
    assert {c.path for c in lists.sparse} == {"a.py", "b.py", "config.py"}
    scores = [c.score for c in lists.sparse]
    assert scores == sorted(scores, reverse=True)
    assert [c.path for c in lists.defined] == ["b.py"]
    assert [c.path for c in lists.stem] == ["config.py"]


def test_a_rare_word_weighs_more_than_a_common_one(store: VectorStore) -> None:
    points = [point(f"{n}.py", f"common filler{n}", seed=n) for n in range(20)]
    points.append(point("rare.py", "unusual filler", seed=99))
    store.upsert_chunks(COLLECTION, points)
    lists = store.query(
        COLLECTION,
        dense=None,
        sparse=lexical.query_vector("common unusual"),
        definitions=(),
        stems=(),
        where=Filter(),
        limit=3,
    )
    assert lists.sparse[0].path == "rare.py"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param({}, {"a.py", "b.py", "c.py"}, id="any"),
        pytest.param({"repos": ("repo",)}, {"a.py", "b.py"}, id="repo"),
        pytest.param({"repos": ("repo", "other")}, {"a.py", "b.py", "c.py"}, id="repos"),
        pytest.param({"repos": ()}, set(), id="no-repo"),
        pytest.param({"paths": ("b.py", "c.py")}, {"b.py", "c.py"}, id="paths"),
        pytest.param({"language": "python"}, {"a.py", "b.py", "c.py"}, id="language"),
        pytest.param({"language": "go"}, set(), id="other-language"),
    ],
)
def test_filters(store: VectorStore, where: dict[str, object], expected: set[str]) -> None:
    store.upsert_chunks(
        COLLECTION,
        [point("a.py", "alpha"), point("b.py", "beta"), point("c.py", "gamma", repo="other")],
    )
    assert paths_of(store, **where) == expected


def test_upsert_is_idempotent_and_deletes_keep_what_they_should(store: VectorStore) -> None:
    old, kept = point("a.py", "alpha"), point("a.py", "beta")
    other = point("a.py", "alpha", repo="other")
    for _ in range(2):
        store.upsert_chunks(COLLECTION, [old, kept, other])
    assert store.count_chunks(COLLECTION) == 3
    store.delete_chunks(COLLECTION, "repo", ["a.py"], keep_ids=[kept.id])
    assert store.count_chunks(COLLECTION, "repo") == 1
    store.delete_chunks(COLLECTION, "repo", [])
    assert store.count_chunks(COLLECTION, "repo") == 1
    store.delete_chunks(COLLECTION, "repo")
    assert store.count_chunks(COLLECTION, "repo") == 0
    assert store.count_chunks(COLLECTION, "other") == 1


def test_vectors_can_be_looked_up_for_reuse(store: VectorStore) -> None:
    first, second = point("a.py", "alpha", seed=1), point("b.py", "beta", seed=2, repo="other")
    store.upsert_chunks(COLLECTION, [first, second])
    found = store.vectors_by_embed_hash(
        COLLECTION, [first.embed_hash, second.embed_hash, "unknown"]
    )
    assert set(found) == {first.embed_hash, second.embed_hash}
    np.testing.assert_allclose(found[second.embed_hash], second.dense, atol=1e-6)
    assert store.vectors_by_embed_hash(COLLECTION, []) == {}
    by_chunk = store.vectors_by_chunk_hash(COLLECTION, "repo", ["a.py", "b.py"])
    assert set(by_chunk) == {("a.py", first.chunk_hash)}


def test_more_than_a_page_of_points(store: VectorStore) -> None:
    points = [point("big.py", f"word{n}", seed=n) for n in range(2500)]
    store.upsert_chunks(COLLECTION, points)
    found = store.vectors_by_embed_hash(COLLECTION, [p.embed_hash for p in points])
    assert len(found) == 2500
    store.compact(COLLECTION)
    assert store.count_chunks(COLLECTION) == 2500


def test_file_records(store: VectorStore) -> None:
    records = [record("b.py"), record("a\nb.py", status=FileStatus.FAILED), record("c.py", "other")]
    store.put_file_records(COLLECTION, records)
    store.put_file_records(COLLECTION, [replace(records[0], chunks=9)])
    found = store.file_records(COLLECTION, "repo")
    assert list(found) == ["a\nb.py", "b.py"]
    assert found["b.py"].chunks == 9
    assert found["a\nb.py"] == records[1]
    store.delete_file_records(COLLECTION, "repo", ["b.py"])
    assert list(store.file_records(COLLECTION, "repo")) == ["a\nb.py"]
    store.delete_file_records(COLLECTION, "repo")
    assert store.file_records(COLLECTION, "repo") == {}
    assert list(store.file_records(COLLECTION, "other")) == ["c.py"]


def test_collections_and_repositories(store: VectorStore) -> None:
    second = with_collection(replace(MANIFEST, digest="newer", dimension=4))
    assert second.collection != COLLECTION
    store.ensure_collection(second)
    store.ensure_collection(second)
    assert {m.collection for m in store.manifests()} == {COLLECTION, second.collection}
    repo = RepositoryRecord("r", "/path", "abc", COLLECTION, "model", 1, 2, 0, "now")
    store.put_repository(repo)
    store.put_repository(replace(repo, chunks=3))
    assert store.repositories() == [replace(repo, chunks=3)]
    store.delete_repository("r")
    assert store.repositories() == []
    store.drop_collection(COLLECTION)
    store.drop_collection(COLLECTION)
    assert [m.collection for m in store.manifests()] == [second.collection]


def test_a_collection_with_the_indexes_of_a_former_version_is_used_on() -> None:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    with closing(QdrantStore(client, "memory")) as store:
        store.ensure_collection(MANIFEST)
        for key in ("segments", "symbol", "chunk_hash"):
            client.create_payload_index(COLLECTION, key, models.PayloadSchemaType.KEYWORD)
        store.upsert_chunks(COLLECTION, [point("src/a.py", "alpha", name="A"), point("b.py", "b")])
        former = point("src/a.py", "alpha", name="A").id
        client.set_payload(COLLECTION, {"segments": ["src", "a.py"]}, [former])
        store.ensure_collection(MANIFEST)
        assert paths_of(store, paths=("src/a.py",)) == {"src/a.py"}
        store.upsert_chunks(COLLECTION, [point("src/a.py", "alpha", name="A")])
        (row,) = client.retrieve(COLLECTION, [former])
        assert "segments" not in (row.payload or {}), "what is indexed again has it no more"
        store.delete_chunks(COLLECTION, "repo", ["src/a.py"])
        assert paths_of(store) == {"b.py"}


def test_the_engines_give_the_same_answer(tmp_path: Path) -> None:
    from qdrant_client import QdrantClient

    texts = ["def route(rule): app", "class Route: pass", "def register(): route", "unrelated"]
    points = [point(f"{n}.py", text, seed=n) for n, text in enumerate(texts)]
    answers = []
    for opened in (
        EdgeStore(tmp_path / "index"),
        QdrantStore(QdrantClient(":memory:"), "memory"),
    ):
        opened.ensure_collection(MANIFEST)
        opened.upsert_chunks(COLLECTION, points)
        lists = opened.query(
            COLLECTION,
            dense=vector(1),
            sparse=lexical.query_vector("route register"),
            definitions=(),
            stems=("1", "2"),
            where=Filter(),
            limit=10,
        )
        answers.append(
            [
                [(c.path, pytest.approx(c.score, abs=1e-4)) for c in rows]
                for rows in (lists.dense, lists.sparse, lists.stem)
            ]
        )
        opened.close()
    assert answers[0] == answers[1]


class TestEdge:
    """What only the embedded engine has to care for."""

    HOLD = (
        "import sys, time; from pathlib import Path; from harness.store.edge import EdgeStore\n"
        "with EdgeStore(Path(sys.argv[1])).exclusive():\n"
        "    print('held', flush=True); time.sleep(float(sys.argv[2]))\n"
    )

    def hold(self, folder: Path, seconds: float) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", self.HOLD, str(folder), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    def test_a_busy_store_names_the_holder(self, tmp_path: Path) -> None:
        store = EdgeStore(tmp_path, lock_timeout_seconds=0.3)
        store.ensure_collection(MANIFEST)
        with self.hold(tmp_path, 30) as process:
            try:
                with pytest.raises(StoreBusyError, match=f"process {process.pid} "):
                    store.count_chunks(COLLECTION)
                assert store.repositories() == []  # records need no lock
            finally:
                process.kill()
        assert store.count_chunks(COLLECTION) == 0  # the kernel released the lock

    def test_a_waiting_store_goes_on_when_the_holder_ends(self, tmp_path: Path) -> None:
        store = EdgeStore(tmp_path, lock_timeout_seconds=20)
        store.ensure_collection(MANIFEST)
        with self.hold(tmp_path, 0.5):
            assert store.count_chunks(COLLECTION) == 0

    def test_writes_survive_a_killed_process(self, tmp_path: Path) -> None:
        script = (
            "import sys, os, signal; sys.path.insert(0, sys.argv[2])\n"
            "from pathlib import Path; from tests.store.test_store import *\n"
            "store = EdgeStore(Path(sys.argv[1])); store.ensure_collection(MANIFEST)\n"
            "store.upsert_chunks(COLLECTION, [point('a.py', f'w{n}') for n in range(300)])\n"
            "store.put_file_records(COLLECTION, [record('a.py')])\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path), str(root)], check=False)
        assert done.returncode == -9
        store = EdgeStore(tmp_path)
        assert store.count_chunks(COLLECTION) == 300
        assert list(store.file_records(COLLECTION, "repo")) == ["a.py"]

    def test_an_interrupted_creation_is_started_anew(self, tmp_path: Path) -> None:
        (tmp_path / COLLECTION).mkdir()
        (tmp_path / COLLECTION / "half").write_text("written")
        store = EdgeStore(tmp_path)
        store.ensure_collection(MANIFEST)
        assert store.count_chunks(COLLECTION) == 0

    def test_threads_share_a_store(self, tmp_path: Path) -> None:
        from concurrent.futures import ThreadPoolExecutor

        store = EdgeStore(tmp_path, lock_timeout_seconds=60)
        store.ensure_collection(MANIFEST)
        with ThreadPoolExecutor(4) as pool:
            jobs = [
                pool.submit(store.upsert_chunks, COLLECTION, [point(f"{n}.py", f"w{n}", seed=n)])
                for n in range(12)
            ]
            for job in jobs:
                job.result()
        assert store.count_chunks(COLLECTION) == 12

    def test_damage_is_one_clear_error(self, tmp_path: Path) -> None:
        store = EdgeStore(tmp_path)
        store.ensure_collection(MANIFEST)
        for file in (tmp_path / COLLECTION).rglob("*"):
            if file.is_file():
                file.write_bytes(b"damaged")
        with pytest.raises(StoreError, match="restore a backup"):
            store.count_chunks(COLLECTION)

    def test_the_folder_is_private(self, tmp_path: Path) -> None:
        EdgeStore(tmp_path / "index")
        assert (tmp_path / "index").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        pytest.param({"QDRANT_HOST": "qdrant"}, "http://qdrant:6333", id="host"),
        pytest.param(
            {"QDRANT_HOST": "qdrant", "QDRANT_PORT": 7000}, "http://qdrant:7000", id="port"
        ),
        pytest.param({"QDRANT_HOST": "qdrant:7001"}, "http://qdrant:7001", id="host-with-port"),
        pytest.param({"QDRANT_HOST": "::1"}, "http://[::1]:6333", id="ipv6"),
        pytest.param({"QDRANT_URL": "https://q.example"}, "https://q.example:443", id="tls"),
        pytest.param(
            {"QDRANT_URL": "https://q.example:6333/prefix/"},
            "https://q.example:6333/prefix",
            id="prefix",
        ),
        pytest.param(
            {"QDRANT_URL": "http://user:secret@q:6333"}, "http://q:6333", id="no-credentials"
        ),
    ],
)
def test_addresses(settings: dict[str, object], address: str) -> None:
    assert address_of(QdrantSettings(**settings)) == address  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        pytest.param(401, "set QDRANT_API_KEY", id="wrong"),
        pytest.param(403, "set QDRANT_API_KEY to one that may write", id="read-only"),
    ],
)
def test_a_refused_key_names_what_is_wanted(status: int, remedy: str) -> None:
    from httpx import Headers
    from qdrant_client.http.exceptions import UnexpectedResponse

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
    from httpx import Headers
    from qdrant_client.http.exceptions import UnexpectedResponse

    error = translate(UnexpectedResponse(400, "", content, Headers()), "http://q:6333")
    assert str(error) == f"Qdrant at http://q:6333 refused an operation: {detail}"


def test_a_full_disk_of_the_server_is_told_from_other_refusals() -> None:
    from httpx import Headers
    from qdrant_client.http.exceptions import UnexpectedResponse

    said = "Service internal error: No space left on device: WAL buffer size exceeds available"
    content = json.dumps({"status": {"error": said}, "time": 0.0}).encode()
    error = translate(UnexpectedResponse(500, "", content, Headers()), "http://q:6333")
    assert isinstance(error, StoreFullError)
    assert "http://q:6333 is full" in str(error)


def test_an_edge_store_is_not_compacted_without_room_for_a_second_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(EdgeStore(tmp_path / "index")) as store:
        store.ensure_collection(MANIFEST)
        room = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(
            "harness.store.edge_shards.shutil.disk_usage",
            lambda path: room._replace(free=256_000_001),
        )
        store.compact(COLLECTION)
        assert "is not compacted: only 256 MB free" in caplog.text
        store.delete_chunks(COLLECTION, "none")
        monkeypatch.setattr(
            "harness.store.edge_shards.shutil.disk_usage",
            lambda path: room._replace(free=255_000_000),
        )
        with pytest.raises(StoreFullError, match="HARNESS_DATA_DIR"):
            store.delete_chunks(COLLECTION, "none")
        assert store.count_chunks(COLLECTION) == 0, "reading goes on"


def test_first_uses_at_the_same_time(tmp_path: Path) -> None:
    together, errors = threading.Barrier(8), []

    def use(folder: Path) -> None:
        together.wait()
        try:
            EdgeStore(folder, lock_timeout_seconds=20).manifests()
        except StoreBusyError as error:
            errors.append(error)

    for n in range(20):
        threads = [threading.Thread(target=use, args=(tmp_path / str(n),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
