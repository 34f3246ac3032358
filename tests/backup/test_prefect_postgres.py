"""Prefect's database on a real Postgres in a backup; skipped where Postgres is not installed."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from harness.backup import prefect_copy, prefect_postgres
from harness.backup.operations import Backups
from harness.backup.prefect_copy import PrefectFile
from harness.backup.prefect_postgres import NAME, PostgresDatabase, _opened
from harness.backup.s3 import S3Objects
from harness.backup.sealing import Keys
from harness.backup.vault import Vault
from harness.errors import (
    InvalidSettingError,
    NoTablesError,
    ServiceUnavailableError,
    StoreError,
)
from harness.store.edge import EdgeStore
from tests.backup import prefect_tables
from tests.backup.cases import fill, state
from tests.fakes import postgres, s3

PROGRAMS = postgres.programs()
needs_postgres = pytest.mark.skipif(
    PROGRAMS is None, reason="Postgres is not installed (Debian's package postgresql)"
)
# A cycle, as in Prefect's: a run knows its state, a state its run.
CYCLE = """
ALTER TABLE flow_run ADD COLUMN state_id VARCHAR(36) REFERENCES flow_run_state (id);
UPDATE flow_run SET state_id = '1' || id;
INSERT INTO variable VALUES ('2', E'tab\\there\\nand a \\\\ line', NULL);
"""


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    assert PROGRAMS is not None
    with postgres.server(PROGRAMS) as folder:
        yield folder


def url(socket: Path, database: str) -> str:
    return f"postgresql+asyncpg://{postgres.USER}@/{database}?host={socket}"


def sql(socket: Path, database: str, text: str) -> list[tuple[object, ...]]:
    async def run() -> list[tuple[object, ...]]:
        db = await asyncpg.connect(f"postgresql://{postgres.USER}@/{database}?host={socket}")
        try:
            if text.startswith("SELECT"):
                return [tuple(row) for row in await db.fetch(text)]
            await db.execute(text)
            return []
        finally:
            await db.close()

    return asyncio.run(run())


@pytest.fixture
def source(socket: Path) -> str:
    sql(socket, "postgres", "DROP DATABASE IF EXISTS source")
    sql(socket, "postgres", "CREATE DATABASE source")
    sql(socket, "source", prefect_tables.TABLES + CYCLE)
    return "source"


@pytest.fixture
def target(socket: Path) -> str:
    """As a new server leaves it: the tables, and nothing in them but the revision."""
    sql(socket, "postgres", "DROP DATABASE IF EXISTS target")
    sql(socket, "postgres", "CREATE DATABASE target")
    sql(socket, "target", prefect_tables.TABLES + CYCLE)
    sql(socket, "target", "UPDATE flow_run SET state_id = NULL")
    for table in ("flow_run_state", "flow_run", "variable", "deployment_schedule"):
        sql(socket, "target", f"DELETE FROM {table}")
    return "target"


def copied(socket: Path, database: str, folder: Path) -> PrefectFile:
    file = PostgresDatabase(url(socket, database)).capture(folder, print)
    assert file is not None
    return file


ALL = """SELECT r.name, s.id, r.state_id
FROM flow_run r JOIN flow_run_state s ON s.flow_run_id = r.id ORDER BY r.id"""


@needs_postgres
def test_all_of_it_comes_back_into_an_empty_database(
    socket: Path, source: str, target: str, tmp_path: Path
) -> None:
    file = copied(socket, source, tmp_path)
    assert (file.flow_runs, file.revision, file.kind) == (4, "a3b9c7d2e5f1", "postgres")
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    empty = PostgresDatabase(url(socket, target))
    empty.rehearse(tmp_path, file, print)
    assert sql(socket, target, "SELECT * FROM variable") == []
    with empty.ready():
        assert "restart" in empty.restore(tmp_path, file, print)
    for table in ("variable", "deployment_schedule"):
        query = f"SELECT * FROM {table} ORDER BY id"
        assert sql(socket, target, query) == sql(socket, source, query)
    late = ("late", "12", "12")
    assert sql(socket, target, ALL) == [row for row in sql(socket, source, ALL) if row != late]
    assert sql(socket, target, "SELECT active_slots FROM concurrency_limit_v2") == [(0,)]
    assert sql(socket, target, "SELECT active_slots::text FROM concurrency_limit") == [("[]",)]
    # The keys are back: a state of no run is refused.
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        sql(socket, target, "INSERT INTO flow_run_state VALUES ('99', 'none')")


@needs_postgres
def test_database_and_index_come_back_from_object_storage(
    socket: Path, source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed, into an empty database, an empty index and another machine's folder."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-access-key")
    with s3.server() as endpoint:
        objects = S3Objects("s3://team-backups/harness", endpoint)
        objects._client.create_bucket(Bucket="team-backups")
        vault = Vault(objects, Keys((bytes(32),)))

        def stack(name: str, database: str) -> Backups:
            store = EdgeStore(tmp_path / name / "index", lock_timeout_seconds=10)
            prefect = PostgresDatabase(url(socket, database))
            return Backups(tmp_path / name / "backup-work", store, prefect=prefect, vault=vault)

        with stack("lost", source) as lost, stack("new", target) as new:
            fill(lost._store)
            lost.backup()
            before = state(lost._store)
            assert new.verify_restore().points == 40
            assert new.restore(with_prefect=True).prefect_restored
            assert state(new._store) == before
    pauses = "SELECT id, active FROM deployment_schedule ORDER BY id"
    assert sql(socket, target, pauses) == [("1", False), ("2", True)]
    limits = 'SELECT name, "limit", active_slots FROM concurrency_limit_v2'
    assert sql(socket, target, limits) == [("ollama", 2, 0)]


def rewritten(path: Path, member: str, content: bytes | None) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if content is None:
        del members[member]
    else:
        members[member] = content
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@needs_postgres
def test_what_is_not_what_was_recorded_changes_nothing(
    socket: Path, source: str, tmp_path: Path
) -> None:
    file = copied(socket, source, tmp_path)
    path = tmp_path / NAME
    whole, before = path.read_bytes(), sql(socket, source, ALL)
    columns = json.loads(zipfile.ZipFile(path).read("columns.json"))
    other = json.dumps(columns | {"more": ["a"]}).encode()
    changes: dict[str, tuple[str, bytes | None]] = {
        "rows in variable, its backup recorded 2": ("tables/variable", b""),
        "no item named": ("tables/variable", None),
        "invalid|missing data": ("tables/flow_run", b"one column\n"),
        "foreign key": ("tables/flow_run_state", b"11\t1\n12\t2\n13\t3\n14\tnone\n"),
        "other tables": ("columns.json", other),
    }
    database = PostgresDatabase(url(socket, source))
    for words, (member, content) in changes.items():
        path.write_bytes(whole)
        rewritten(path, member, content)
        for act in (database.rehearse, database.restore):
            with pytest.raises(StoreError, match=words):
                act(tmp_path, file, print)
    for damaged in (whole[:-30], b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="is damaged"):
            database.restore(tmp_path, file, print)
    path.write_bytes(whole)
    sql(socket, source, "UPDATE alembic_version SET version_num = 'later'")
    with pytest.raises(StoreError, match="start the version of Harness that made the backup"):
        database.restore(tmp_path, file, print)
    assert sql(socket, source, ALL) == before


def test_what_unpacks_to_more_than_its_rows_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a list of members that is larger than any backup's is not read into memory."""
    monkeypatch.setattr(prefect_postgres, "_FIXED_BYTES", 50_000)
    with zipfile.ZipFile(tmp_path / NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tables/log", bytes(1_000_000))
    file = prefect_copy.described(tmp_path / NAME, "postgres", "a", {"log": 9})
    assert file.bytes < 2_000
    words = "unpacks to 1000000 bytes, more than the 950000 that its rows can have"
    with pytest.raises(StoreError, match=words), _opened(tmp_path / NAME, file):
        pass
    enough = prefect_copy.described(tmp_path / NAME, "postgres", "a", {"log": 10})
    with _opened(tmp_path / NAME, enough) as archive:
        assert archive.namelist() == ["tables/log"]
    monkeypatch.setattr(prefect_postgres, "_PIECE_BYTES", 40)
    with pytest.raises(StoreError, match="damaged"), _opened(tmp_path / NAME, enough):
        pass


@needs_postgres
def test_refusals_name_the_remedy_and_no_password(socket: Path, tmp_path: Path) -> None:
    secret = "s3cret-password"
    nobody = f"postgresql+asyncpg://none:{secret}@/postgres?host={socket}"
    with pytest.raises(StoreError, match="HARNESS_PREFECT_DATABASE_URL") as refused:
        PostgresDatabase(nobody).capture(tmp_path, print)
    assert secret not in str(refused.value)
    with pytest.raises(NoTablesError, match="no tables yet"):
        PostgresDatabase(url(socket, "postgres")).capture(tmp_path, print)


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    silent = PostgresDatabase(f"postgresql+asyncpg://u:s3cret@/db?host={tmp_path}")
    with pytest.raises(ServiceUnavailableError, match="does not answer") as refused:
        silent.capture(tmp_path, print)
    assert "s3cret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(asyncpg, "connect", connect)
    with pytest.raises(ServiceUnavailableError, match=r"does not answer \(time-out\)"):
        PostgresDatabase("postgresql://u@host/db").capture(tmp_path, print)


def test_another_database_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="HARNESS_PREFECT_DATABASE_URL") as refused:
        PostgresDatabase("mysql://u:s3cret@host/db")
    assert "s3cret" not in str(refused.value)
