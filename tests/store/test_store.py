"""The contract of a vector store, for every engine: Edge, qdrant-client's local mode, and a real
server when HARNESS_TEST_QDRANT_URL names one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.index.fingerprint import with_collection
from harness.models import lexical
from harness.store.edge import EdgeStore
from harness.store.protocol import VectorStore
from harness.store.qdrant import QdrantStore
from harness.store.queries import Match, Place, StoreQuery
from harness.types import CandidateLists, FileStatus, Filter, RepositoryRecord, SparseVector
from tests.store.engines import OPENERS
from tests.store.points import COLLECTION, MANIFEST, point, record, vector


@pytest.fixture(params=sorted(OPENERS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    with closing(OPENERS[request.param](tmp_path / "index")) as opened:
        opened.ensure_collection(MANIFEST)
        yield opened


def paths_of(store: VectorStore, where: Filter) -> set[str]:
    lists = store.query(COLLECTION, StoreQuery(dense=vector(0), where=where, limit=50))
    return {candidate.path for candidate in lists.dense}


def test_a_point_comes_back_as_it_was_stored(store: VectorStore) -> None:
    text = "def naïve():\n\treturn '🦊'  \n\n"
    stored = point("src/ü b/a\nb.py", text, name="naïve", line=7)
    store.upsert_chunks(COLLECTION, [stored])
    lists = store.query(COLLECTION, StoreQuery(dense=vector(0), limit=5))
    (candidate,) = lists.dense
    assert candidate.chunk == stored.chunk
    assert (candidate.id, candidate.repo, candidate.path) == (stored.id, "repo", "src/ü b/a\nb.py")
    assert candidate.score == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(None, id="nothing is expected"),
        pytest.param({"a.py": 2, "b.py": 1}, id="as it is"),
        pytest.param({"a.py": 3, "b.py": 1}, id="more"),
        pytest.param({"a.py": 1, "b.py": 2}, id="the same number in other files"),
        pytest.param({"a.py": 3}, id="no other file"),
        pytest.param({"a.py": 2, "b.py": 1, "c.py": 1}, id="what was deleted"),
    ],
)
def test_the_chunks_of_each_file_are_counted_whatever_is_expected(
    store: VectorStore, expected: dict[str, int] | None
) -> None:
    points = [
        point("a.py", "one\n"),
        point("a.py", "two\n", seed=1),
        point("a.py", "three\n", seed=2),
        point("b.py", "one\n", seed=3),
        point("b.py", "of another\n", repo="other", seed=4),
        point("c.py", "one\n", seed=5),
    ]
    store.upsert_chunks(COLLECTION, points)
    store.delete_chunks(COLLECTION, "repo", ["a.py"], keep_ids=[p.id for p in points[:2]])
    store.delete_chunks(COLLECTION, "repo", ["c.py"])
    assert store.chunks_by_path(COLLECTION, "repo", expected) == {"a.py": 2, "b.py": 1}


def test_the_chunks_of_files_come_back(store: VectorStore) -> None:
    points = [
        point("a.py", "one\n", line=1),
        point("a.py", "two\n", line=2, seed=1),
        point("b.py", "three\n", seed=2),
    ]
    store.upsert_chunks(COLLECTION, points)
    found = {(path, chunk.start_line): chunk for path, chunk in store.chunks(COLLECTION, "repo")}
    assert found == {(p.path, p.chunk.start_line): p.chunk for p in points}
    only = {(path, chunk.text) for path, chunk in store.chunks(COLLECTION, "repo", ["a.py"])}
    assert only == {("a.py", "one\n"), ("a.py", "two\n")}
    assert list(store.chunks(COLLECTION, "other")) == []


def test_lists_are_dense_lexical_and_by_names(store: VectorStore) -> None:
    points = [
        point("a.py", "alpha alpha one", seed=0),
        point("b.py", "def beta(): gamma", seed=1, name="Beta"),
        point("config.py", "delta gamma gamma", seed=2),
    ]
    store.upsert_chunks(COLLECTION, points)
    query = StoreQuery(
        dense=vector(2),
        sparse=lexical.query_vector("alpha gamma beta"),
        definitions=("beta",),
        stems=("config",),
        limit=3,
    )
    lists = store.query(COLLECTION, query)
    assert lists.dense[0].path == "config.py"
    assert {c.path for c in lists.lexical} == {"a.py", "b.py", "config.py"}
    scores = [c.score for c in lists.lexical]
    assert scores == sorted(scores, reverse=True)
    assert [c.path for c in lists.defined] == ["b.py"]
    assert [c.path for c in lists.stem] == ["config.py"]


def test_a_query_without_vectors_finds_nothing(store: VectorStore) -> None:
    store.upsert_chunks(COLLECTION, [point("a.py", "alpha", name="alpha")])
    nothing = (StoreQuery(limit=5), StoreQuery(sparse=SparseVector((), ()), limit=5))
    by_names = StoreQuery(definitions=("alpha",), stems=("a",), limit=5)
    for query in (*nothing, by_names):
        assert store.query(COLLECTION, query) == CandidateLists()


def test_a_rare_word_weighs_more_than_a_common_one(store: VectorStore) -> None:
    points = [point(f"{n}.py", f"common filler{n}", seed=n) for n in range(20)]
    points.append(point("rare.py", "unusual filler", seed=99))
    store.upsert_chunks(COLLECTION, points)
    query = StoreQuery(sparse=lexical.query_vector("common unusual"), limit=3)
    assert store.query(COLLECTION, query).lexical[0].path == "rare.py"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(Filter(), {"a.py", "b.py", "c.py"}, id="any"),
        pytest.param(Filter(repos=("repo",)), {"a.py", "b.py"}, id="repo"),
        pytest.param(Filter(repos=("repo", "other")), {"a.py", "b.py", "c.py"}, id="repos"),
        pytest.param(Filter(repos=()), set(), id="no-repo"),
        pytest.param(Filter(paths=("b.py", "c.py")), {"b.py", "c.py"}, id="paths"),
        pytest.param(Filter(repos=("repo",), paths=("b.py", "c.py")), {"b.py"}, id="both"),
        pytest.param(Filter(languages=("python",)), {"a.py", "b.py", "c.py"}, id="language"),
        pytest.param(Filter(languages=("go", "rust")), set(), id="other-language"),
    ],
)
def test_filters(store: VectorStore, where: Filter, expected: set[str]) -> None:
    store.upsert_chunks(
        COLLECTION,
        [point("a.py", "alpha"), point("b.py", "beta"), point("c.py", "gamma", repo="other")],
    )
    assert paths_of(store, where) == expected


def test_files_and_lines_that_a_query_names(store: VectorStore) -> None:
    points = [point("a.py", f"alpha text{n}", line=10 * n + 1) for n in range(6)]
    points += [point("b.py", "alpha text", line=31), point("c.py", "alpha", line=31)]
    store.upsert_chunks(COLLECTION, points)
    query = StoreQuery(
        sparse=lexical.query_vector("alpha a.py:31"),
        files=("b.py",),
        places=(Place(("a.py",), 31), Place(("a.py",), 39)),
        limit=20,
    )
    named = store.query(COLLECTION, query).named
    assert sorted((c.path, c.chunk.start_line) for c in named) == [("a.py", 31), ("b.py", 31)]


@pytest.mark.parametrize(
    ("key", "where", "expected"),
    [
        pytest.param("path", (), ["a.py", "b.py", "c.py"], id="paths"),
        pytest.param("path", (("repo", ("other",)),), ["c.py"], id="of-a-repository"),
        pytest.param("path", (("stem", ("a", "c")),), ["a.py", "c.py"], id="by-stem"),
        pytest.param("path", (("stem", ("none",)),), [], id="none"),
        pytest.param("language", (), ["python"], id="not-indexed"),
        pytest.param("language", (("repo", ("nope",)),), [], id="no-chunks"),
    ],
)
def test_distinct_values(
    store: VectorStore, key: str, where: tuple[Match, ...], expected: list[str]
) -> None:
    points = [point("a.py", f"alpha{n}") for n in range(15)]
    store.upsert_chunks(COLLECTION, [*points, point("b.py", "b"), point("c.py", "c", repo="other")])
    assert store.distinct(COLLECTION, key, where) == expected


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
    some = store.file_records(COLLECTION, "repo", ["none.py", "b.py"])
    assert some == {"b.py": found["b.py"]}
    assert store.file_records(COLLECTION, "repo", []) == {}
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


def test_the_engines_give_the_same_answer(tmp_path: Path) -> None:
    texts = ["def route(rule): app", "class Route: pass", "def register(): route", "unrelated"]
    points = [point(f"{n}.py", text, seed=n) for n, text in enumerate(texts)]
    query = StoreQuery(
        dense=vector(1),
        sparse=lexical.query_vector("route register"),
        stems=("1", "2"),
        limit=10,
    )
    answers = []
    for name in ("edge", "memory"):
        with closing(OPENERS[name](tmp_path / name)) as opened:
            opened.ensure_collection(MANIFEST)
            opened.upsert_chunks(COLLECTION, points)
            lists = opened.query(COLLECTION, query)
        answers.append(
            [
                [(c.path, pytest.approx(c.score, abs=1e-4)) for c in rows]
                for rows in (lists.dense, lists.lexical, lists.stem)
            ]
        )
    assert answers[0] == answers[1]


@pytest.mark.parametrize("engine", [EdgeStore, QdrantStore])
def test_every_method_inherits_its_documentation(engine: type[VectorStore]) -> None:
    for name, method in inspect.getmembers(VectorStore, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.getdoc(getattr(engine, name)), name
            assert inspect.getdoc(method), name
