"""Which backups are kept."""

from __future__ import annotations

from pathlib import Path

from harness.backup.folders import expired
from harness.backup.options import Retention
from tests.backup.cases import edge
from tests.store.points import MANIFEST


def test_days_and_weeks_are_kept() -> None:
    names = [f"202603{day:02}T0330{n:02}Z" for day in range(1, 32) for n in (0, 1)]
    gone = expired(names, Retention(3, 3))
    kept = sorted(set(names) - set(gone))
    assert kept == [
        "20260322T033001Z",  # the last of an ISO week: a Sunday
        "20260329T033001Z",
        "20260330T033001Z",
        "20260331T033001Z",
    ]
    assert expired(["20260301T000000Z"], Retention(0, 0)) == []
    assert expired(["20260301T000000Z-10", "20260301T000000Z-9"], Retention(0, 0)) == [
        "20260301T000000Z-9"
    ]
    assert expired([], Retention(7, 4)) == []


def test_old_backups_are_removed_after_a_new_one(tmp_path: Path) -> None:
    case = edge(tmp_path, tmp_path / "backups", retention=Retention(keep_daily=1, keep_weekly=2))
    case.store.ensure_collection(MANIFEST)
    for name in ("20200101T000000Z", "20200102T000000Z", "20200110T000000Z"):
        (case.folder / name).mkdir(parents=True)
    (case.folder / "notes").mkdir()
    report = case.backups.backup()
    assert report.removed == ("20200101T000000Z", "20200102T000000Z")
    assert case.backups.folders.names() == ["20200110T000000Z", report.name]
    assert (case.folder / "notes").is_dir(), "what is not ours stays"
