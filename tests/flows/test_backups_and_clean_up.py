"""The flows backup-index, verify-restore, restore-index and clean-up on a real Prefect server and
the real Edge store."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from flows.backup_index import backup_index
from flows.clean_up import clean_up
from flows.restore_index import restore_index
from flows.verify_restore import verify_restore
from harness.backup.operations import Backups
from harness.backup.prefect_sqlite import NAME, SqliteDatabase
from harness.errors import StoreError, UsageError
from harness.store.edge import EdgeStore
from tests.backup import prefect_tables
from tests.backup.test_backup import fill
from tests.backup.test_backup import state as everything
from tests.store.test_store import COLLECTION


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def store(data_dir: Path) -> EdgeStore:
    store = EdgeStore(data_dir / "index", lock_timeout_seconds=10)
    fill(store)
    return store


def run(flow: Any, **parameters: Any) -> State[Any]:
    state: State[Any] = flow(return_state=True, **parameters)
    return state


def artifact(key: str) -> str:
    with get_client(sync_client=True) as client:
        found = [a for a in client.read_artifacts(limit=200) if a.key == key]
    return str(max(found, key=lambda artifact: str(artifact.created)).data)


def test_back_up_destroy_and_restore(store: EdgeStore, data_dir: Path) -> None:
    before = everything(store)
    made = run(backup_index)
    assert made.is_completed(), made.message
    (backup,) = [p for p in (data_dir / "backups").iterdir() if p.is_dir()]
    assert str(made.message).startswith(f"{backup.name}: 40 chunks")
    rows = {row["file"]: row for row in json.loads(artifact("backup-index"))}
    assert set(rows) == {path.name for path in backup.iterdir()} - {"manifest.json"}

    store.drop_collection(COLLECTION)
    store.delete_repository("repo")
    refused = run(restore_index)
    assert refused.is_failed()
    with pytest.raises(UsageError, match="replace_the_index"):
        refused.result()
    assert not store.repositories()

    restored = run(restore_index, replace_the_index=True)
    assert restored.message == f"{backup.name} restored: 40 chunks, 16 compared"
    assert everything(store) == before
    assert str(backup) in artifact("restore-index")


def test_a_backup_is_tried_and_a_damaged_one_fails_the_run(
    store: EdgeStore, data_dir: Path
) -> None:
    run(backup_index)
    before = everything(store)
    tried = run(verify_restore)
    assert tried.is_completed(), tried.message
    assert "can be restored: 40 chunks, 16 compared" in str(tried.message)
    assert "40 chunks" in artifact("verify-restore")

    (file,) = (data_dir / "backups").glob("*/*.tar.gz")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for flow, parameters in ((verify_restore, {}), (restore_index, {"replace_the_index": True})):
        state = run(flow, **parameters)
        assert state.is_failed()
        with pytest.raises(StoreError, match="sha256 differs"):
            state.result()
    assert everything(store) == before


def test_prefects_database_comes_back_into_an_empty_stack(
    store: EdgeStore, data_dir: Path, tmp_path: Path
) -> None:
    """Of the server that carries out this very backup."""
    database = get_current_settings().server.database.connection_url
    assert database
    (data_dir / "prefect").mkdir()
    source = data_dir / "prefect" / "prefect.db"
    source.symlink_to(database.get_secret_value().partition("///")[2])
    with get_client(sync_client=True) as client:
        client._client.post("/variables/", json={"name": "of_before", "value": [1]})
        limit = {"name": "of-before", "limit": 9, "active_slots": 7}
        client._client.post("/v2/concurrency_limits/", json=limit).raise_for_status()
    made = run(backup_index)
    assert made.is_completed(), made.message
    assert NAME in {row["file"] for row in json.loads(artifact("backup-index"))}
    tried = run(verify_restore)
    assert "flow runs" in str(tried.message), tried.message

    empty = tmp_path / "empty"
    index = EdgeStore(empty / "index", lock_timeout_seconds=10)
    with Backups(data_dir / "backups", index, prefect=SqliteDatabase(empty)) as backups:
        report = backups.restore(with_prefect=True)
    assert report.prefect
    restored = empty / "prefect" / "prefect.db"
    for table in report.prefect.rows:
        if table in ("block_type", "deployment", "deployment_schedule", "variable", "work_pool"):
            assert prefect_tables.rows(restored, table) == prefect_tables.rows(source, table)
    assert any("of_before" in row for row in prefect_tables.rows(restored, "variable"))
    slots = {
        path: [
            row for row in prefect_tables.rows(path, "concurrency_limit_v2") if "of-before" in row
        ]
        for path in (source, restored)
    }
    assert [(9 in row, 7 in row) for row in slots[source]] == [(True, True)]
    assert [(9 in row, 7 in row) for row in slots[restored]] == [(True, False)]


def test_an_empty_index_has_nothing_to_back_up(store: EdgeStore, data_dir: Path) -> None:
    run(backup_index)
    store.drop_collection(COLLECTION)
    store.delete_repository("repo")
    state = run(backup_index)
    assert state.is_completed()
    assert str(state.message).startswith("nothing to back up")
    assert len([p for p in (data_dir / "backups").iterdir() if p.is_dir()]) == 1


def test_a_backup_that_does_not_exist(data_dir: Path) -> None:
    state = run(restore_index, name="20200101T000000Z", replace_the_index=True)
    with pytest.raises(UsageError, match="no backup '20200101T000000Z'"):
        state.result()


def test_old_results_are_removed(data_dir: Path) -> None:
    old, new = "20250101T020000Z-task-0a1b2c", "20250201T020000Z-task-0a1b2c"
    for name, days in ((old, 40), (new, 1)):
        folder = data_dir / "results" / name
        folder.mkdir(parents=True)
        (folder / "result.json").write_text("{}")
        then = time.time() - days * 24 * 3600
        for path in (folder / "result.json", folder):
            os.utime(path, (then, then))
    assert run(clean_up, keep_days=0).message == "0 results removed, 2 kept"
    assert run(clean_up).message == "1 results removed, 1 kept"
    assert [path.name for path in (data_dir / "results").iterdir()] == [new]
