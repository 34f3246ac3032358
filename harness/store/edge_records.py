"""The embedded store's records in SQLite: collections, repositories, files.

A transaction is durable when it returns. Reading takes no lock of the vector engine, so that
``harness status`` and planning never wait for a writer.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import StoreBusyError, StoreDamagedError, StoreError
from harness.files import PRIVATE_FILE, new_private, private_folder, sync
from harness.store.protocol import RecordStore
from harness.store.records import read_files, read_manifest, read_repository, to_json
from harness.store.remembered_rows import RememberedRows
from harness.store.sqlite_files import check_schema, connect
from harness.types import FileRecord, FileStatus, Manifest, RepositoryRecord

RECORDS_FILE = "records.sqlite"

_TABLES = {
    "collections": "CREATE TABLE collections (name TEXT PRIMARY KEY, manifest TEXT NOT NULL)",
    "repositories": "CREATE TABLE repositories (name TEXT PRIMARY KEY, record TEXT NOT NULL)",
    "files": """CREATE TABLE files (
    collection TEXT NOT NULL, repo TEXT NOT NULL, path TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (collection, repo, path)
) WITHOUT ROWID""",
}
_FORMER_TABLES = {
    "aliases": "CREATE TABLE aliases (name TEXT PRIMARY KEY, collection TEXT NOT NULL)"
}
"""Of former versions: they may be there, and are never read."""
_SCHEMA = ";\n".join(
    sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS") for sql in _TABLES.values()
)


class EdgeRecords(RecordStore):
    """A SQLite file with every record of the embedded store; made by the first use.

    :param timeout_seconds: how long an operation waits for another process.
    """

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        # The file that has its tables, by its inode: it may be removed, or replaced by a backup.
        self._prepared = 0
        # Asked before each change: see VectorStore.guard.
        self.before_write: Callable[[], None] = lambda: None
        self._manifests = RememberedRows(path, self._read_manifests)
        self._repositories = RememberedRows(path, self._read_repositories)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as db:
            self.before_write()
            yield db

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """One connection per operation: cheap (about 0.2 ms) and safe in every thread."""
        try:
            with connect(self._path, timeout_seconds=self._timeout_seconds) as db:
                db.execute("PRAGMA synchronous=FULL")
                if not self._prepared or self._inode() != self._prepared:
                    self._prepare(db)
                    self._prepared = self._inode()
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
            raise StoreDamagedError(
                f"{self._path} is damaged ({error}); run `harness repair`"
            ) from error

    def _inode(self) -> int:
        try:
            return self._path.stat().st_ino
        except OSError:
            return 0

    def _prepare(self, db: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            try:
                is_ours = check_schema(db, self._path, _TABLES, former=_FORMER_TABLES)
                db.execute("PRAGMA journal_mode=WAL")
                if not is_ours:
                    db.executescript(_SCHEMA)
                return
            except sqlite3.OperationalError as error:
                # When two processes use the file for the first time at once, SQLite refuses one of
                # them without waiting: each holds what the other one needs.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    # Collections

    def add_collection(self, manifest: Manifest) -> None:
        """Record a collection; an existing one is kept."""
        with self._connect() as db:
            db.execute(
                "INSERT OR IGNORE INTO collections VALUES (?, ?)",
                (manifest.collection, to_json(manifest)),
            )

    def manifests(self) -> list[Manifest]:
        return self._manifests.rows()

    def _read_manifests(self) -> list[Manifest]:
        with self._connect() as db:
            rows = db.execute("SELECT manifest FROM collections ORDER BY name").fetchall()
        return [read_manifest(row[0]) for row in rows]

    def drop_collection(self, collection: str) -> None:
        """Forget a collection and its files."""
        with self._changing() as db:
            db.execute("DELETE FROM files WHERE collection = ?", (collection,))
            db.execute("DELETE FROM collections WHERE name = ?", (collection,))

    # Repositories

    def repositories(self) -> list[RepositoryRecord]:
        return self._repositories.rows()

    def _read_repositories(self) -> list[RepositoryRecord]:
        with self._connect() as db:
            rows = db.execute("SELECT record FROM repositories ORDER BY name").fetchall()
        return [read_repository(row[0]) for row in rows]

    def put_repository(self, record: RepositoryRecord) -> None:
        with self._changing() as db:
            db.execute(
                "INSERT OR REPLACE INTO repositories VALUES (?, ?)",
                (record.name, to_json(record)),
            )

    def delete_repository(self, name: str) -> None:
        with self._changing() as db:
            db.execute("DELETE FROM repositories WHERE name = ?", (name,))

    # Files

    def file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> dict[str, FileRecord]:
        asked = "SELECT path, record FROM files WHERE collection = ? AND repo = ?"
        with self._connect() as db:
            if paths is None:
                rows = db.execute(f"{asked} ORDER BY path", (collection, repo)).fetchall()
            else:
                one = f"{asked} AND path = ?"
                found = (
                    db.execute(one, (collection, repo, path)).fetchone()
                    for path in sorted(set(paths))
                )
                rows = [row for row in found if row is not None]
        records = read_files([text for _, text in rows])
        return {path: record for (path, _), record in zip(rows, records, strict=True)}

    def count_files(self, collection: str, repo: str) -> Mapping[tuple[FileStatus, str], int]:
        with self._connect() as db:
            rows = db.execute(
                "SELECT json_extract(record, '$.status'), json_extract(record, '$.skip_reason'), "
                "count(*) FROM files WHERE collection = ? AND repo = ? GROUP BY 1, 2",
                (collection, repo),
            ).fetchall()
        return {(FileStatus(status), reason): count for status, reason, count in rows}

    def repos_with_files(self, collection: str) -> list[str]:
        """The repositories that have file records in a collection."""
        with self._connect() as db:
            rows = db.execute(
                "SELECT DISTINCT repo FROM files WHERE collection = ?", (collection,)
            ).fetchall()
        return [str(row[0]) for row in rows]

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        with self._changing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                [(collection, r.repo, r.path, to_json(r)) for r in records],
            )

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        with self._changing() as db:
            if paths is None:
                db.execute(
                    "DELETE FROM files WHERE collection = ? AND repo = ?", (collection, repo)
                )
            else:
                db.executemany(
                    "DELETE FROM files WHERE collection = ? AND repo = ? AND path = ?",
                    [(collection, repo, path) for path in paths],
                )

    # As a whole

    def check(self) -> None:
        """Check the file's structure and read every record of a collection and a repository.

        :raises StoreDamagedError: it is damaged.
        """
        with self._connect() as db:
            (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise StoreDamagedError(f"{self._path} is damaged ({found}); run `harness repair`")
        self._read_repositories()
        self._read_manifests()

    def set_aside(self, folder: Path) -> Path:
        """Move the file, with what belongs to it, into a folder.

        :returns: where it is.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = private_folder(folder) / f"{self._path.name}-{stamp}-{os.urandom(2).hex()}"
        for suffix in ("-wal", "-shm", ""):
            part = self._path.with_name(f"{self._path.name}{suffix}")
            if part.exists():
                part.rename(target.with_name(f"{target.name}{suffix}"))
        sync(self._path.parent)
        return target

    def copy_to(self, target: Path) -> None:
        """Copy everything into a new, private file, on disk on return.

        :raises StoreError: it cannot be read or written.
        """
        with new_private(target, durable=False):
            pass  # SQLite would make it with the usual mode
        try:
            with connect(self._path) as live, connect(target) as copy:
                live.backup(copy)
                # One file instead of three; the store sets its own mode when it opens it.
                copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot copy {self._path}: {error}; check the disk's space"
            ) from error
        sync(target)

    def check_copy(self, copy: Path, target: Path) -> None:
        """Copy what :meth:`copy_to` wrote into another private file, and see that every record in
        it can be read.

        :raises StoreError: one cannot, or the file holds more than records.
        """
        shutil.copyfile(copy, target)
        target.chmod(PRIVATE_FILE)
        records = EdgeRecords(target, self._timeout_seconds)
        records.repositories()
        for manifest in records.manifests():
            for repo in records.repos_with_files(manifest.collection):
                records.file_records(manifest.collection, repo)

    def replace_with(self, new: Path) -> None:
        """Take over everything from another file in one transaction, or that file itself when
        this one is damaged.

        :raises StoreBusyError: another process held this one for the whole time-out.
        """
        try:
            with (
                connect(new) as source,
                connect(self._path, timeout_seconds=self._timeout_seconds) as target,
            ):
                source.backup(target)
        except sqlite3.OperationalError as error:
            raise StoreBusyError(f"{self._path}: {error}; end other runs and try again") from error
        except sqlite3.DatabaseError:
            for suffix in ("-wal", "-shm"):
                self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
            new.replace(self._path)
