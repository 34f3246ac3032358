"""Backups that a former version wrote."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from harness.backup import manifest as manifests
from harness.types import FileRecord, FileStatus
from tests.backup.cases import Case, answers, edge, fill, rounded, state
from tests.store.points import COLLECTION, point

FORMER = Path(__file__).parent / "data" / "version-1-edge.tar.xz"


def test_a_backup_of_the_former_version_is_restored(tmp_path: Path) -> None:
    # Its manifest has an alias, its records too, and its payloads have ``segments``.
    with tarfile.open(FORMER) as archive:
        archive.extractall(tmp_path / "backups", filter="data")
    case = edge(tmp_path, tmp_path / "backups")
    assert case.backups.verify_restore().points == 40
    report = case.backups.restore()
    assert (report.name, report.points, report.samples) == (case.newest().name, 40, 16)
    now = edge(tmp_path / "now", tmp_path / "now" / "backups")
    fill(now.store)
    for found, fresh in zip(answers(case.store), answers(now.store), strict=True):
        former, today = rounded(found), rounded(fresh)
        assert (former.dense, former.stem) == (today.dense, today.stem)
        # Below the first, any twenty of the many that contain "alpha" once.
        assert former.lexical[0] == today.lexical[0]
        assert [row.score for row in former.lexical] == [row.score for row in today.lexical]
    assert state(case.store)[1:] == state(now.store)[1:]
    case.store.upsert_chunks(COLLECTION, [point("new.py", "alpha new", seed=77)])
    record = FileRecord("repo", "new.py", "1" * 40, 9, 0, FileStatus.INDEXED, chunks=1)
    case.store.put_file_records(COLLECTION, [record])
    case.store.delete_chunks(COLLECTION, "repo", ["0.py"])
    case.store.delete_file_records(COLLECTION, "repo", ["0.py"])
    assert case.store.count_chunks(COLLECTION) == 40
    assert case.backups.backup().points == 40


def test_former_manifests_are_read(case: Case) -> None:
    before = state(case.store)
    case.backups.backup()
    path = case.newest() / manifests.NAME
    data = json.loads(path.read_text())
    assert data["schema_version"] == 3
    assert data.pop("prefect") is None
    for former in ({"schema_version": 1, "alias": COLLECTION}, {"schema_version": 2}):
        path.write_text(json.dumps(data | former))
        fill(case.store, seed=500)
        case.backups.restore()
        assert state(case.store) == before
