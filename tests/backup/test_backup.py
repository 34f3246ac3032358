"""Backups of both engines: whole or not at all, refused when damaged, restored to the last digit.

The server's part runs on qdrant-client's local mode and an imitation of the snapshot endpoints.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.backup import manifest as manifests
from harness.backup.operations import Backups
from harness.backup.prefect_copy import PrefectFile
from harness.errors import StoreBusyError, StoreError, UsageError
from tests.backup.cases import KEY, OTHER, Case, edge, fill, state
from tests.store.points import COLLECTION


def test_a_destroyed_index_comes_back_to_the_last_digit(case: Case) -> None:
    before = state(case.store)
    report = case.backups.backup()
    assert report.points == 40
    assert report.alias == COLLECTION
    case.store.drop_collection(COLLECTION)
    case.store.delete_repository("repo")
    restored = case.backups.restore()
    assert (restored.points, restored.samples, restored.restored) == (40, 16, True)
    assert state(case.store) == before


def test_a_restore_replaces_what_is_there(case: Case) -> None:
    before = state(case.store)
    first = case.backups.backup()
    fill(case.store, seed=500)
    case.store.ensure_collection(OTHER)
    assert state(case.store) != before
    case.backups.restore(first.name)
    assert state(case.store) == before
    if case.server:
        names = {c.name for c in case.server.client.get_collections().collections}
        assert names == {COLLECTION, f"{COLLECTION}-files", "harness-catalog"}
        assert not case.server.stored, "snapshots stay on no server"
    assert {path.name for path in case.folder.iterdir()} == {".lock", first.name}


def test_a_backup_is_private_and_described(case: Case) -> None:
    report = case.backups.backup()
    folder = Path(report.path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    manifest = manifests.read(folder)
    assert {path.name for path in folder.iterdir()} == {
        manifests.NAME, *(file.file for file in manifest.files)
    }  # fmt: skip
    assert KEY not in (folder / manifests.NAME).read_text()


def test_a_corrupted_file_is_refused_and_nothing_is_touched(case: Case) -> None:
    case.backups.backup()
    fill(case.store, seed=7)
    before = state(case.store)
    content = bytearray(case.file().read_bytes())
    content[len(content) // 2] ^= 1
    case.file().write_bytes(content)
    requests = len(case.server.requests) if case.server else 0
    for use in (case.backups.restore, case.backups.verify_restore):
        with pytest.raises(StoreError, match="sha256 differs"):
            use()
    assert state(case.store) == before
    assert not case.server or len(case.server.requests) == requests


def test_a_manifest_that_cannot_be_used_is_refused(case: Case) -> None:
    case.backups.backup()
    before = state(case.store)
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    prefect = asdict(PrefectFile("a", "", 1, "sqlite", "", {}))
    changes: list[tuple[dict[str, object], type[Exception]]] = [
        ({"schema_version": 4}, StoreError),
        ({"prefect": "no copy"}, StoreError),
        ({"prefect": prefect | {"file": "../a"}}, StoreError),
        ({"prefect": prefect | {"rows": []}}, StoreError),
        ({"schema_version": None}, StoreError),
        ({"engine": "another"}, UsageError),
        ({"files": [{"file": "../x"}]}, StoreError),
        ({"surprise": 1}, StoreError),
    ]
    for change, error in changes:
        path.write_text(json.dumps(data | change))
        with pytest.raises(error):
            case.backups.restore()
    for key, value in (("file", "../elsewhere"), ("collection", "../index")):
        files = [data["files"][0] | {key: value}, *data["files"][1:]]
        path.write_text(json.dumps(data | {"files": files}))
        with pytest.raises(StoreError, match="cannot be the name"):
            case.backups.restore()
    chunks = next(file for file in data["files"] if file["samples"])
    others = [file for file in data["files"] if file is not chunks]
    for key, value in (
        *(("points", value) for value in ("x", None, 1.5, -1, True)),
        *(("collection", value) for value in (None, 0, [])),
        *(("samples", [{"id": value, "sha256": ""}]) for value in (5, "../x", None)),
        ("sha256", None),
        ("bytes", -1),
        ("exact", "no"),
    ):
        path.write_text(json.dumps(data | {"files": [*others, chunks | {key: value}]}))
        with pytest.raises(StoreError, match="is damaged"):
            case.backups.restore()
    path.write_text(json.dumps(data | {"schema_version": 4, "harness_version": "\x1b[31m\n"}))
    with pytest.raises(StoreError, match=r"made it \('\\x1b\[31m\\n'\)"):
        case.backups.restore()
    assert state(case.store) == before


@pytest.mark.parametrize("part", ["nothing", "chunks", "records", "twice"])
def test_a_manifest_of_less_than_an_index_is_refused(case: Case, part: str) -> None:
    case.backups.backup()
    before = state(case.store)
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    chunks = [file for file in data["files"] if file["samples"]]
    records = [file for file in data["files"] if not file["samples"]]
    parts = {"nothing": [], "chunks": chunks, "records": records, "twice": data["files"] * 2}
    path.write_text(json.dumps(data | {"files": parts[part]}))
    for use in (case.backups.verify_restore, case.backups.restore):
        with pytest.raises(StoreError, match="damaged"):
            use()
    assert state(case.store) == before


def test_unknown_and_missing_backups_are_named(case: Case) -> None:
    with pytest.raises(UsageError, match="none"):
        case.backups.restore()
    name = case.backups.backup().name
    for wrong in ("../../etc", "20000101T000000Z"):
        with pytest.raises(UsageError, match=name):
            case.backups.restore(wrong)


def test_an_empty_index_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is indexed"):
        edge(tmp_path, tmp_path / "b").backups.backup()
    assert edge(tmp_path, tmp_path / "b").backups.folders.names() == []


def test_verify_restore_compares_and_leaves_no_trace(case: Case) -> None:
    case.backups.backup()
    fill(case.store, seed=9)  # the index has moved on: only the backup is looked at
    before = state(case.store)
    report = case.backups.verify_restore()
    assert (report.points, report.samples, report.restored) == (40, 16, False)
    assert state(case.store) == before
    assert len(list(case.folder.iterdir())) == 2
    if case.server:
        assert len(case.server.client.get_collections().collections) == 3
        assert not case.server.stored, "nor does an uploaded file"


def test_a_missing_point_is_found(case: Case) -> None:
    case.backups.backup()
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    for entry in data["files"]:
        if entry["collection"] == COLLECTION:
            entry["points"] += 1
    path.write_text(json.dumps(data))
    before = state(case.store)
    for use in (case.backups.verify_restore, case.backups.restore):
        with pytest.raises(StoreError, match="40 points, its backup recorded 41"):
            use()
    assert state(case.store) == before


def test_one_backup_at_a_time(case: Case) -> None:
    busy = Backups(case.folder, case.store, lock_timeout_seconds=0.1)
    inside: list[Path] = []

    def step(message: str) -> None:
        if not inside:
            inside.extend(case.folder.glob(".partial-*"))
            with pytest.raises(StoreBusyError, match="another backup"):
                busy.backup()
            assert inside[0].is_dir(), "a concurrent run removes nothing"

    case.backups.backup(step)
    assert inside


# The command line, with the real embedder


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from harness.cli.main import run
    from tests.repositories import make_repository

    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_BACKUP_KEEP_DAILY", "2")
    source = make_repository(
        tmp_path / "web", {"a.py": "def sign(cookie):\n    return 1\n", "b.py": "TABLE = {}\n"}
    )

    def call(*arguments: str, code: int = 0) -> str:
        capfd.readouterr()
        assert run(list(arguments)) == code, capfd.readouterr()
        return capfd.readouterr().out

    call("backup", code=2)
    call("index", str(source))
    before = call("search", "who signs cookies", "--json")
    made = json.loads(call("backup", "--json"))
    assert made["path"] == str(tmp_path / "data" / "backups" / made["name"])
    shutil.rmtree(tmp_path / "data" / "index")
    call("search", "who signs cookies", code=2)
    call("restore", "nothing", code=2)
    assert json.loads(call("restore", "--check", "--json"))["restored"] is False
    assert json.loads(call("restore", "--json"))["name"] == made["name"]
    assert call("search", "who signs cookies", "--json") == before
    assert made["name"] in call("restore", made["name"])
