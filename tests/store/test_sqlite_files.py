"""Records that may come from anywhere: what a hostile SQLite file can bring."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from harness.errors import HarnessError, StoreDamagedError, StoreError, UnsafeNameError
from harness.store.edge import EdgeStore
from harness.store.edge_records import RECORDS_FILE, EdgeRecords
from harness.store.records import read_file, read_manifest, read_repository
from harness.store.sqlite_files import MAX_VALUE_BYTES, connect
from tests.store.points import COLLECTION, MANIFEST, record


def changed(folder: Path, *statements: str) -> EdgeRecords:
    """Records with a collection, after somebody else has run these statements."""
    records = EdgeRecords(folder / RECORDS_FILE, 5)
    records.add_collection(MANIFEST)
    records.put_file_records(COLLECTION, [record("a.py")])
    with closing(sqlite3.connect(folder / RECORDS_FILE)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
    return EdgeRecords(folder / RECORDS_FILE, 5)


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["CREATE VIEW more AS SELECT 1"], id="view"),
        pytest.param(
            [
                "DROP TABLE repositories",
                "CREATE VIEW repositories AS SELECT 'x' AS name, '{}' AS record",
            ],
            id="view-as-table",
        ),
        pytest.param(
            [
                "CREATE TRIGGER t AFTER INSERT ON repositories BEGIN DELETE FROM files; END",
            ],
            id="trigger",
        ),
        pytest.param(["CREATE TABLE more (x)"], id="table"),
        pytest.param(["CREATE INDEX i ON files (lower(record))"], id="index"),
        pytest.param(
            ["ALTER TABLE files ADD COLUMN x TEXT AS (hex(record))"], id="generated-column"
        ),
    ],
)
def test_anything_but_our_tables_is_refused(tmp_path: Path, statements: list[str]) -> None:
    records = changed(tmp_path, *statements)
    with pytest.raises(StoreError, match="which no index does; refused"):
        records.repositories()
    with pytest.raises(StoreError, match="refused"):
        records.check_copy(tmp_path / RECORDS_FILE, tmp_path / "copy")


def test_a_value_that_is_too_large_is_not_loaded(tmp_path: Path) -> None:
    size = MAX_VALUE_BYTES + 1
    records = changed(tmp_path, f"INSERT INTO repositories VALUES ('x', zeroblob({size}))")
    with pytest.raises(StoreDamagedError):
        records.repositories()


@pytest.mark.parametrize("read", [read_manifest, read_repository, read_file])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 200_000, id="deep"),
        pytest.param('{"a":' * 50_000, id="deep-objects"),
        pytest.param("[]", id="no-object"),
        pytest.param("null", id="null"),
        pytest.param('{"surprise": 1}', id="other-fields"),
        pytest.param("{", id="cut"),
    ],
)
def test_json_that_is_no_record_is_one_error(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(StoreDamagedError, match="harness repair"):
        read(text)


@pytest.mark.parametrize("name", ["../../outside", "/etc", "harness-x", ""])
def test_a_record_cannot_name_a_folder_outside(tmp_path: Path, name: str) -> None:
    manifest = json.dumps(asdict(replace(MANIFEST, collection=name)))
    with pytest.raises(HarnessError, match="cannot be the name of a collection"):
        read_manifest(manifest)
    outside = tmp_path / "outside"
    outside.mkdir()
    store = EdgeStore(tmp_path / "data" / "index")
    for use in (store.drop_collection, store.count_chunks, store.compact, store.examine):
        with pytest.raises(UnsafeNameError, match="nothing was touched"):
            use(name)
    assert outside.is_dir()


def test_a_manifest_has_a_dimension_that_can_be() -> None:
    for dimension in (0, -1, 10**9, "8"):
        with pytest.raises(StoreDamagedError):
            read_manifest(json.dumps(asdict(MANIFEST) | {"dimension": dimension}))


def test_a_file_calls_no_function_and_brings_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE t (x DEFAULT (told()))")
    called: list[int] = []
    with connect(file) as db:
        db.create_function("told", 0, lambda: called.append(1))
        with pytest.raises(sqlite3.OperationalError, match="unsafe use of told"):
            db.execute("INSERT INTO t DEFAULT VALUES")
        with pytest.raises(sqlite3.OperationalError, match="too many attached databases"):
            db.execute(f"ATTACH '{tmp_path / 'other'}' AS other")
        with pytest.raises(sqlite3.DataError, match="too big"):
            db.execute("SELECT zeroblob(?)", (MAX_VALUE_BYTES + 1,)).fetchall()
    assert called == []
