"""An index of forty chunks with its backups, for every engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from qdrant_client import QdrantClient

from harness.backup import manifest as manifests
from harness.backup.operations import Backups
from harness.index.fingerprint import with_collection
from harness.models import lexical
from harness.store.edge import EdgeStore
from harness.store.protocol import VectorStore
from harness.store.qdrant import QdrantStore
from harness.store.queries import StoreQuery
from harness.store.snapshots import file_sha256
from harness.types import Candidate, CandidateLists, RepositoryRecord
from tests.fakes.qdrant_snapshots import FakeSnapshots
from tests.store.points import COLLECTION, MANIFEST, point, record, vector

OTHER = with_collection(replace(MANIFEST, digest="other"))
KEY = "s3cret-key"


@dataclass
class Case:
    """An index with 40 chunks, and its backups."""

    store: VectorStore
    backups: Backups
    folder: Path
    server: FakeSnapshots | None = None

    def newest(self) -> Path:
        return self.backups.folders.find("latest")

    def file(self) -> Path:
        return next(self.newest().glob(f"{COLLECTION}.*"))


def fill(store: VectorStore, seed: int = 0) -> None:
    store.ensure_collection(MANIFEST)
    store.upsert_chunks(
        COLLECTION, [point(f"{n}.py", f"alpha word{n}", seed=seed + n) for n in range(40)]
    )
    store.put_file_records(COLLECTION, [record(f"{n}.py") for n in range(40)])
    store.put_repository(RepositoryRecord("repo", "/src", "c", COLLECTION, "m", 40, 40, 0, "now"))


def answers(store: VectorStore) -> list[CandidateLists]:
    """Two queries, scores to the last digit; local mode's own differ by rounding between calls."""
    lists = [
        store.query(
            COLLECTION,
            StoreQuery(
                dense=vector(n),
                sparse=lexical.query_vector(f"alpha word{n}"),
                stems=("3",),
                limit=20,
            ),
        )
        for n in (3, 30)
    ]
    return lists if isinstance(store, EdgeStore) else [rounded(found) for found in lists]


def rounded(lists: CandidateLists) -> CandidateLists:
    def rank(name: str) -> tuple[Candidate, ...]:
        rows = [replace(row, score=round(row.score, 5)) for row in getattr(lists, name)]
        return tuple(sorted(rows, key=lambda row: (-row.score, row.id)))

    return CandidateLists(**{field.name: rank(field.name) for field in fields(lists)})


def state(store: VectorStore) -> tuple[object, ...]:
    """Everything that an index answers, scores to the last digit."""
    return (
        answers(store),
        store.manifests(),
        store.repositories(),
        store.file_records(COLLECTION, "repo"),
    )


def edge(folder: Path, backups: Path, **options: int) -> Case:
    store = EdgeStore(folder / "index", lock_timeout_seconds=10)
    return Case(store, Backups(backups, store, lock_timeout_seconds=0.2, **options), backups)


def served(folder: Path) -> Iterator[Case]:
    client = QdrantClient(":memory:")
    with FakeSnapshots(client, KEY) as server:
        store = QdrantStore(client, server.url, KEY, timeout_seconds=5)
        with Backups(folder / "backups", store, lock_timeout_seconds=0.2) as backups:
            fill(store)
            yield Case(store, backups, folder / "backups", server)


def tamper(case: Case, change: Callable[[Path], None]) -> None:
    """Change a file of the newest backup and make the manifest agree."""
    change(case.file())
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    for entry in data["files"]:
        file = case.newest() / entry["file"]
        entry |= {"sha256": file_sha256(file), "bytes": file.stat().st_size}
    path.write_text(json.dumps(data))
