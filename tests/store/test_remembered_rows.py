"""Rows that are remembered are never older than the file."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from harness.store.remembered_rows import RememberedRows


class Table:
    """A file with one table, and how often it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reads = 0
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE t (value TEXT)")
        self.remembered = RememberedRows(path, self.read)

    def read(self) -> list[str]:
        self.reads += 1
        with closing(sqlite3.connect(self.path)) as db:
            return [value for (value,) in db.execute("SELECT value FROM t ORDER BY value")]

    def add(self, value: str) -> None:
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute("INSERT INTO t VALUES (?)", (value,))

    def age(self, seconds: float = 60) -> None:
        """As if nothing had been written for a while."""
        then = time.time() - seconds
        for name in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            if name.exists():
                os.utime(name, (then, then))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "t.sqlite")


def test_what_has_not_changed_is_read_once(table: Table) -> None:
    table.add("a")
    table.age()
    assert [table.remembered.rows() for _ in range(3)] == [["a"]] * 3
    assert table.reads == 1


def test_a_change_is_seen_at_once(table: Table) -> None:
    table.age()
    assert table.remembered.rows() == []
    table.add("a")
    assert table.remembered.rows() == ["a"]


def test_a_change_in_the_log_alone_is_seen(table: Table) -> None:
    with closing(sqlite3.connect(table.path)) as other:  # while it is open the log stays
        other.execute("SELECT * FROM t").fetchall()
        table.add("a")
        table.age()
        assert table.remembered.rows() == ["a"]
        table.add("b")
        assert table.remembered.rows() == ["a", "b"]


def test_a_file_that_has_just_changed_is_not_relied_on(table: Table) -> None:
    """Its time may be the same after the next change."""
    table.add("a")
    ahead = time.time() + 600
    os.utime(table.path, (ahead, ahead))
    assert [table.remembered.rows() for _ in range(2)] == [["a"]] * 2
    assert table.reads == 2


def test_a_file_in_the_place_of_another_is_read(table: Table, tmp_path: Path) -> None:
    table.age()
    assert table.remembered.rows() == []
    other = Table(tmp_path / "other.sqlite")
    other.add("b")
    other.path.replace(table.path)
    table.age()
    assert table.remembered.rows() == ["b"]


def test_a_caller_may_change_its_list(table: Table) -> None:
    table.add("a")
    table.age()
    table.remembered.rows().clear()
    assert table.remembered.rows() == ["a"]
