"""Prefect's local database in a backup: copied while it is written to, tried, restored, settled."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.backup import manifest as manifests
from harness.backup.operations import Backups
from harness.backup.options import Retention
from harness.backup.prefect_copy import PrefectFile
from harness.backup.prefect_sqlite import NAME, SqliteDatabase
from harness.errors import StackError, StoreError, StoreFullError, UsageError
from harness.stack import processes
from harness.stack.processes import STACK_ID_VARIABLE
from harness.stack.state import Layout, StackState, write_state
from harness.store.edge import EdgeStore
from harness.store.snapshots import file_sha256
from tests.backup import prefect_tables
from tests.backup.cases import fill, state


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(data_dir: Path) -> Path:
    return Layout(data_dir).database


@pytest.fixture
def backups(tmp_path: Path, data_dir: Path) -> Backups:
    store = EdgeStore(data_dir / "index", lock_timeout_seconds=10)
    fill(store)
    return Backups(tmp_path / "backups", store, prefect=SqliteDatabase(data_dir))


def test_all_of_it_comes_back_into_an_empty_stack(
    backups: Backups, database: Path, tmp_path: Path
) -> None:
    # Open: what was written last is in the log, not in the file.
    with closing(prefect_tables.make(database)):
        before = {table: prefect_tables.rows(database, table) for table in ("variable", "flow_run")}
        made = backups.backup()
    assert made.prefect is not None
    assert (made.prefect.flow_runs, made.prefect.revision) == (4, "a3b9c7d2e5f1")
    assert (Path(made.path) / NAME).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in Path(made.path).iterdir()} == {
        NAME, manifests.NAME, *(file.file for file in made.files)
    }  # fmt: skip

    empty = tmp_path / "empty"
    store = EdgeStore(empty / "index", lock_timeout_seconds=10)
    with Backups(backups.folders.root, store, prefect=SqliteDatabase(empty)) as elsewhere:
        assert elsewhere.verify_restore().prefect == made.prefect
        assert not (empty / "prefect").exists()
        report = elsewhere.restore(with_prefect=True)
        assert (report.prefect_restored, report.points) == (True, 40)
        assert state(store) == state(backups._store)
    restored = empty / "prefect" / "prefect.db"
    assert restored.stat().st_mode & 0o777 == 0o600
    assert prefect_tables.rows(restored, "variable") == before["variable"]
    assert prefect_tables.rows(restored, "deployment_schedule") == [("1", 0), ("2", 1)]
    assert [path.name for path in restored.parent.iterdir()] == ["prefect.db"]


def test_what_time_has_overtaken_is_settled(backups: Backups, database: Path) -> None:
    prefect_tables.make(database).close()
    backups.backup()
    backups.restore(with_prefect=True)
    names = [row[1] for row in prefect_tables.rows(database, "flow_run")]
    assert names == ["ended", "asked for", "to come"]
    assert [row[1] for row in prefect_tables.rows(database, "flow_run_state")] == ["1", "3", "4"]
    assert prefect_tables.rows(database, "concurrency_limit_v2") == [("1", "ollama", 2, 0)]
    assert prefect_tables.rows(database, "concurrency_limit") == [("1", "tag", "[]")]


def test_the_database_of_before_is_kept_beside_it(backups: Backups, database: Path) -> None:
    prefect_tables.make(database).close()
    backups.backup()
    # A server that was killed leaves its log, which must not be read into the restored database.
    db = prefect_tables.make(database.with_name("killed.db"))
    db.execute("INSERT INTO variable VALUES ('2', 'newer', '1')")
    db.commit()
    for ending in ("", "-wal"):
        content = database.with_name(f"killed.db{ending}").read_bytes()
        database.with_name(f"prefect.db{ending}").write_bytes(content)
    db.close()
    backups.restore(with_prefect=True)
    assert [row[1] for row in prefect_tables.rows(database, "variable")] == ["kept"]
    aside = database.with_name("prefect.db.before-restore")
    assert [row[1] for row in prefect_tables.rows(aside, "variable")] == ["kept", "newer"]


def test_a_server_that_runs_is_not_restored_under(
    backups: Backups, database: Path, data_dir: Path
) -> None:
    prefect_tables.make(database).close()
    backups.backup()
    layout = Layout(data_dir)
    layout.create()
    record = processes.start(
        "server",
        (sys.executable, "-c", "import time; time.sleep(600)"),
        env=os.environ | {STACK_ID_VARIABLE: "one"},
        cwd=layout.directory,
        log=layout.log("server"),
    )
    try:
        write_state(layout, StackState("one", 4200, processes=(record,)))
        backups.verify_restore()
        before = database.read_bytes()
        with pytest.raises(StackError, match="harness down"):
            backups.restore(with_prefect=True)
        assert database.read_bytes() == before
        backups.restore()
    finally:
        assert processes.end(processes.members("one", [record]), grace_seconds=5) == []
    backups.restore(with_prefect=True)


def repacked(folder: Path, content: bytes) -> None:
    """Put another file in the copy's place and make the manifest agree."""
    (folder / NAME).write_bytes(content)
    path = folder / manifests.NAME
    document = json.loads(path.read_text())
    size = len(content)
    document["prefect"] |= {"sha256": file_sha256(folder / NAME), "bytes": size}
    path.write_text(json.dumps(document))


def changed(folder: Path, statement: str) -> bytes:
    path = folder.parent / "changed.sqlite"
    path.write_bytes(gzip.decompress((folder / NAME).read_bytes()))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)
    content = path.read_bytes()
    path.unlink()
    return gzip.compress(content)


DAMAGE: dict[str, Callable[[Path], bytes]] = {
    "is damaged": lambda _: b"no gzip",
    "is damaged .Compressed": lambda f: (f / NAME).read_bytes()[:-20],
    "is damaged .file is not a database": lambda _: gzip.compress(b"no database" * 999),
    "has no tables": lambda _: gzip.compress(b""),
    "0 rows in variable, its backup recorded 1": lambda f: changed(f, "DELETE FROM variable"),
    "no rows in variable, its backup recorded 1": lambda f: changed(f, "DROP TABLE variable"),
    "0 rows in more, its backup recorded no": lambda f: changed(f, "CREATE TABLE more (a)"),
    "the trigger 'ran'": lambda f: changed(
        f, "CREATE TRIGGER ran AFTER DELETE ON flow_run BEGIN DELETE FROM variable; END"
    ),
    "the view 'seen'": lambda f: changed(f, "CREATE VIEW seen AS SELECT 1"),
    "the table 'fast'": lambda f: changed(f, "CREATE VIRTUAL TABLE fast USING fts5(a)"),
    "revision x": lambda f: changed(f, "UPDATE alembic_version SET version_num = 'x'"),
}
"""What is said of a file that is not what was recorded, and how it is made."""


def test_a_copy_that_is_not_what_was_recorded_is_refused(backups: Backups, database: Path) -> None:
    prefect_tables.make(database).close()
    folder = Path(backups.backup().path)
    before, index = database.read_bytes(), state(backups._store)
    whole = (folder / NAME).read_bytes()
    for words, damage in DAMAGE.items():
        (folder / NAME).write_bytes(whole)
        repacked(folder, damage(folder))
        for act in (backups.verify_restore, lambda: backups.restore(with_prefect=True)):
            with pytest.raises(StoreError, match=words):
                act()
    assert (database.read_bytes(), state(backups._store)) == (before, index)
    assert not database.with_name("prefect.db.before-restore").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == [".lock", folder.name]


def test_a_copy_that_cannot_be_unpacked_is_refused(data_dir: Path, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"a" * 1000))
    packed[10] = 0xFF  # no kind of block that deflate knows
    (tmp_path / NAME).write_bytes(packed)
    file = PrefectFile(NAME, "", len(packed), "sqlite", "", {})
    with pytest.raises(StoreError, match="is damaged"):
        SqliteDatabase(data_dir).rehearse(tmp_path, file, print)


def test_a_copy_that_unpacks_to_more_than_the_disk_is_refused(
    backups: Backups, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefect_tables.make(database).close()
    backups.backup()
    usage = shutil.disk_usage(database.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=255_999_999))
    database_before = database.read_bytes()
    with pytest.raises(StoreFullError, match="the space that is left"):
        SqliteDatabase(database.parents[1]).rehearse(
            Path(backups.folders.find("latest")), PrefectFile(NAME, "", 9, "sqlite", "", {}), print
        )
    assert database.read_bytes() == database_before


def test_a_damaged_database_pushes_out_no_backup(backups: Backups, database: Path) -> None:
    prefect_tables.make(database).close()
    good = backups.backup().name
    content = bytearray(database.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    database.write_bytes(content)
    with pytest.raises(StoreError, match="harness restore --prefect"):
        backups.backup()
    assert backups.folders.names() == [good]
    backups.restore(with_prefect=True)
    assert [row[1] for row in prefect_tables.rows(database, "variable")] == ["kept"]


def test_a_database_without_tables_fails_no_backup(backups: Backups, database: Path) -> None:
    """A server that is starting; or one whose database was lost, which older backups have."""
    backups._retention = Retention(keep_daily=1, keep_weekly=0)
    prefect_tables.make(database).close()
    good = backups.backup()
    database.write_bytes(b"")
    made = backups.backup()
    assert made.prefect is None
    assert "no tables yet" in made.prefect_missing
    assert backups.folders.names() == [good.name, made.name]
    assert manifests.read(Path(made.path)).prefect is None
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("CREATE TABLE other (a)")
    with pytest.raises(StoreError, match="not Prefect's"):
        backups.backup()


def test_a_backup_without_it_says_so(backups: Backups, database: Path) -> None:
    made = backups.backup()
    assert (made.prefect, made.prefect_missing) == (None, "")
    with pytest.raises(UsageError, match="no copy of Prefect's database"):
        backups.restore(with_prefect=True)
    assert not database.exists()
    assert not backups.restore().prefect_restored
