"""The embedded store's records in SQLite: collections, repositories, files.

A transaction is durable when it returns. Reading takes no lock of the vector engine, so that
``harness status`` and planning never wait for a writer.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from harness.errors import StoreBusyError, StoreError
from harness.types import FileRecord, FileStatus, Manifest, RepositoryRecord

_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (name TEXT PRIMARY KEY, manifest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS repositories (name TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    collection TEXT NOT NULL, repo TEXT NOT NULL, path TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (collection, repo, path)
) WITHOUT ROWID;
"""


class Records:
    """SQLite file with every record of the embedded store."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """One connection an operation: cheap (about 0.2 ms) and safe in every thread."""
        try:
            with closing(sqlite3.connect(self._path, timeout=self._timeout_seconds)) as db:
                self._prepare(db)
                with db:
                    yield db
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreBusyError(
                    f"{self._path} is locked by another process; try again"
                ) from error
            raise StoreError(
                f"{self._path}: {error}; check the disk's space and permissions"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{self._path} is damaged ({error}); restore a backup, or remove it and index again"
            ) from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
                db.executescript(_SCHEMA)
                return
            except sqlite3.OperationalError as error:
                # Of two first uses at once SQLite refuses one without waiting: each of them holds
                # what the other one needs.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    # Collections

    def add_collection(self, manifest: Manifest) -> None:
        """Record a collection; an existing one is kept."""
        with self._connect() as db:
            db.execute(
                "INSERT OR IGNORE INTO collections VALUES (?, ?)",
                (manifest.collection, json.dumps(asdict(manifest))),
            )

    def manifests(self) -> list[Manifest]:
        """Every recorded collection, by name."""
        with self._connect() as db:
            rows = db.execute("SELECT manifest FROM collections ORDER BY name").fetchall()
        return [Manifest(**json.loads(row[0])) for row in rows]

    def drop_collection(self, collection: str) -> None:
        """Forget a collection and its files."""
        with self._connect() as db:
            db.execute("DELETE FROM files WHERE collection = ?", (collection,))
            db.execute("DELETE FROM collections WHERE name = ?", (collection,))

    # Repositories

    def repositories(self) -> list[RepositoryRecord]:
        """Every repository, by name."""
        with self._connect() as db:
            rows = db.execute("SELECT record FROM repositories ORDER BY name").fetchall()
        return [RepositoryRecord(**json.loads(row[0])) for row in rows]

    def put_repository(self, record: RepositoryRecord) -> None:
        """Insert or replace."""
        with self._connect() as db:
            db.execute(
                "INSERT OR REPLACE INTO repositories VALUES (?, ?)",
                (record.name, json.dumps(asdict(record))),
            )

    def delete_repository(self, name: str) -> None:
        """Remove if there."""
        with self._connect() as db:
            db.execute("DELETE FROM repositories WHERE name = ?", (name,))

    # Files

    def file_records(self, collection: str, repo: str) -> dict[str, FileRecord]:
        """Records of one repository by path."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT path, record FROM files WHERE collection = ? AND repo = ? ORDER BY path",
                (collection, repo),
            ).fetchall()
        return {path: record_from_json(text) for path, text in rows}

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        """Insert or replace, in one transaction."""
        with self._connect() as db:
            db.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                [(collection, r.repo, r.path, json.dumps(asdict(r))) for r in records],
            )

    def delete_file_records(self, collection: str, repo: str, paths: Sequence[str] | None) -> None:
        """Remove these paths' records, or all of the repository."""
        with self._connect() as db:
            if paths is None:
                db.execute(
                    "DELETE FROM files WHERE collection = ? AND repo = ?", (collection, repo)
                )
            else:
                db.executemany(
                    "DELETE FROM files WHERE collection = ? AND repo = ? AND path = ?",
                    [(collection, repo, path) for path in paths],
                )


def record_from_json(text: str) -> FileRecord:
    """Read a file record that :func:`json.dumps` of its fields wrote."""
    data = json.loads(text)
    data["status"] = FileStatus(data["status"])
    return FileRecord(**data)
