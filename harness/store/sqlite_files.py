"""Opening a SQLite file that may come from anywhere: a restored backup brings its own.

A file's schema is code to SQLite: views and triggers run when a table of theirs is used, and a
table that is a view answers with whatever it likes. So a file holds exactly our tables, or is
refused, and nothing in it may call functions or be larger than a record can be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from harness.errors import StoreError
from harness.files import new_private

MAX_VALUE_BYTES = 4_000_000
"""A record is some hundred bytes, and with the warnings of a run some thousand."""

_MAX_SCHEMA_ROWS = 100


@contextmanager
def connect(path: Path, *, timeout_seconds: float = 5.0) -> Iterator[sqlite3.Connection]:
    """Open a database defensively, or make a private one; nothing is read yet.

    :param timeout_seconds: how long to wait for another process.
    """
    if not path.exists():
        # SQLite would make it, and with it its log, with the usual mode. Another process may be
        # quicker; what else is wrong SQLite says itself.
        with suppress(OSError), new_private(path, durable=False):
            pass
    with closing(sqlite3.connect(path, timeout=timeout_seconds)) as db:
        # Before anything reads the schema, which is when SQLite parses it.
        db.execute("PRAGMA trusted_schema=OFF")
        db.execute("PRAGMA cell_size_check=ON")
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        db.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
        if hasattr(db, "setconfig"):  # Python 3.12
            db.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)  # type: ignore[attr-defined]
            db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)  # type: ignore[attr-defined]
            db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)  # type: ignore[attr-defined]
        yield db


def check_schema(
    db: sqlite3.Connection,
    path: Path,
    tables: Mapping[str, str],
    *,
    former: Mapping[str, str] | None = None,
) -> bool:
    """Check that a database holds these tables and nothing else.

    :param tables: by name, the statement that makes it.
    :param former: tables that may be there as well.
    :returns: whether all are there; a new database has none.
    :raises StoreError: it holds anything else: a view, a trigger, another form of a table.
    :raises sqlite3.DatabaseError: it is no database, or damaged.
    """
    rows = db.execute(
        "SELECT type, name, sql FROM sqlite_schema LIMIT ?", (_MAX_SCHEMA_ROWS,)
    ).fetchall()
    allowed = {**(former or {}), **tables}
    found = set()
    for kind, name, sql in rows:
        if kind == "index" and sql is None:  # of a primary key
            continue
        known = kind == "table" and name in allowed
        if not known or _plain(str(sql)) != _plain(allowed[name]):
            raise StoreError(
                f"{path} holds the {kind} {str(name)[:60]!r}, which no index does; refused: "
                "restore another backup"
            )
        found.add(name)
    return found >= set(tables)


def _plain(sql: str) -> str:
    return " ".join(sql.replace("IF NOT EXISTS ", "").split()).rstrip("; ")
