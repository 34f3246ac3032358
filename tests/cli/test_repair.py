"""``harness repair``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.cli.runs import Run, document


def shard(tmp_path: Path) -> Path:
    return next(path for path in (tmp_path / "data" / "index").glob("harness-*") if path.is_dir())


def test_damage_is_named_refused_and_mended(harness: Run, repository: Path, tmp_path: Path) -> None:
    assert harness("index", str(repository))[0] == 0
    before = document(harness("search", "register_route", "--json"))
    assert document(harness("repair", "--json"))["collections"] == []
    (ids,) = shard(tmp_path).glob("segments/*/*id_tracker.mappings")
    os.truncate(ids, 10)
    code, _, err = harness("search", "register_route")
    assert code == 1
    assert "harness repair" in err
    assert "Traceback" not in err
    assert harness("doctor", "--json")[0] == 1
    code, _, err = harness("backup")
    assert code == 1
    assert "harness repair" in err
    found = document(harness("repair", "--json"))
    assert found["ok"] is True
    assert Path(found["collections"][0]["folder"]).is_dir()
    assert document(harness("search", "register_route", "--json")) == before
    assert harness("repair")[1] == "Nothing is damaged.\n"
    assert harness("backup")[0] == 0


def test_a_source_that_is_gone_keeps_the_rest(
    harness: Run, repository: Path, tmp_path: Path
) -> None:
    assert harness("index", str(repository))[0] == 0
    shutil.rmtree(repository)
    shutil.rmtree(shard(tmp_path))
    found = document(harness("repair", "--json"), code=1)
    assert found["repos"][0]["chunks_lacking"] > 0
    assert "does not exist" in found["repos"][0]["error"]


def test_records_that_are_lost(harness: Run, repository: Path, tmp_path: Path) -> None:
    assert harness("index", str(repository))[0] == 0
    (tmp_path / "data" / "index" / "records.sqlite").write_bytes(b"no database" * 1000)
    code, _, err = harness("search", "x")
    assert code == 1
    assert "harness repair" in err
    assert document(harness("repair", "--json"), code=1)["records_aside"]
    report = document(harness("index", str(repository), "--json"))
    assert (report["chunks_embedded"], report["files_indexed"]) == (0, 2)
