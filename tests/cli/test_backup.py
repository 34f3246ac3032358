"""``harness backup`` and ``harness restore``: Prefect's database, a key, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from harness.stack.state import Layout
from tests.backup import prefect_tables
from tests.cli.runs import Run, document


def test_index_and_database_go_and_come_back_encrypted(
    harness: Run, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "backup.key"
    monkeypatch.setenv("HARNESS_BACKUP_DIR", str(tmp_path / "kept"))
    monkeypatch.setenv("HARNESS_BACKUP_KEY_FILE", str(key_file))
    assert harness("index", str(repository))[0] == 0
    code, _, err = harness("backup")
    assert code == 2
    assert "HARNESS_BACKUP_KEY_FILE" in err
    assert not (tmp_path / "kept").exists(), "in clear"

    key_file.write_text(base64.b64encode(bytes(32)).decode() + "\n")
    database = Layout(tmp_path / "data").database
    prefect_tables.make(database).close()
    made = document(harness("backup", "--json"))
    assert made["prefect"]["rows"]["flow_run"] == 4
    kept = list((tmp_path / "kept" / made["name"]).iterdir())
    assert kept and all(path.name.endswith(".sealed") for path in kept)

    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "empty"))
    code, out, _ = harness("restore")
    assert (code, "--prefect restores it" in out) == (0, True)
    database = Layout(tmp_path / "empty").database
    assert not database.exists()
    code, out, _ = harness("restore", "--prefect")
    assert (code, "4 flow runs are back; start it with `harness up`" in out) == (0, True)
    assert prefect_tables.rows(database, "deployment_schedule") == [("1", 0), ("2", 1)]
    found = json.loads(harness("search", "register_route", "--json")[1])
    assert found["results"]
    monkeypatch.delenv("HARNESS_BACKUP_KEY_FILE")
    code, _, err = harness("restore", "--check")
    assert code == 1
    assert "is encrypted" in err


def test_settings_that_cannot_be_used_keep_nothing(
    harness: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("HARNESS_BACKUP_KEY", "s3cret"),
        ("HARNESS_PREFECT_DATABASE_URL", "mysql://u:s3cret@host/prefect"),
    ):
        monkeypatch.setenv(name, value)
        code, _, err = harness("backup")
        assert code == 2
        assert "s3cret" not in err
        assert len(err.splitlines()) == 1
        monkeypatch.delenv(name)
    assert not (tmp_path / "data" / "backups").exists()
