"""The embedded store's leases: a SQLite file of their own, since a backup of the records must not
bring them back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreBusyError, StoreError
from harness.store.leases import Lease, LeaseStore
from harness.store.sqlite_files import check_schema, connect

LEASES_FILE = "leases.sqlite"

_TABLES = {
    "leases": """CREATE TABLE leases (
    key TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT NOT NULL, version TEXT NOT NULL,
    note TEXT NOT NULL
)"""
}
_COLUMNS = "key, fence, holder, version, note"


class EdgeLeases(LeaseStore):
    """A SQLite file of leases; made by the first use.

    :param timeout_seconds: how long an operation waits for another process.
    """

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds

    def lease(self, key: str) -> Lease | None:
        with self._connect() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM leases WHERE key = ?", (key,)).fetchone()  # noqa: S608 - our own names
        return None if row is None else Lease(*row)

    def swap_lease(self, new: Lease, expected: str | None) -> bool:
        row = (new.key, new.fence, new.holder, new.version, new.note)
        with self._connect() as db:
            if expected is None:
                done = db.execute("INSERT OR IGNORE INTO leases VALUES (?, ?, ?, ?, ?)", row)
            else:
                done = db.execute(
                    "UPDATE leases SET fence = ?, holder = ?, version = ?, note = ? "
                    "WHERE key = ? AND version = ?",
                    (*row[1:], new.key, expected),
                )
            return done.rowcount == 1

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            with connect(self._path, timeout_seconds=self._timeout_seconds) as db, db:
                # A transaction that writes from its start: two that make the table at once, or read
                # before they write, wait for each other instead of failing.
                db.execute("BEGIN IMMEDIATE")
                if not check_schema(db, self._path, _TABLES):
                    db.execute(_TABLES["leases"])
                yield db
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise StoreBusyError(
                    f"{self._path} is locked by another process; try again"
                ) from error
            raise StoreError(
                f"{self._path}: {error}; when no run is at work, it may be removed"
            ) from error
