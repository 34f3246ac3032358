"""Which results go and which stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.agent.retention import Removed, remove_old_results

NOW = 1_800_000_000.0
DAY = 86_400
RUN = "run-0b2f2f0e-6a43-4a86-9d0e-3c8f8d5b2a11"
TASK = "20260102T030405Z-task-a1b2c3"


def _result(root: Path, name: str, age_days: float) -> Path:
    folder = root / name
    (folder / "turns").mkdir(parents=True)
    (folder / "turns" / "1.json").write_text("{}")
    for path in (folder / "turns" / "1.json", folder / "turns", folder):
        os.utime(path, (NOW - age_days * DAY,) * 2)
    return folder


@pytest.mark.parametrize(
    ("name", "age_days", "keep_days", "stays"),
    [
        pytest.param(RUN, 31, 30, False, id="old-run"),
        pytest.param(TASK, 31, 30, False, id="old-task"),
        pytest.param(RUN, 29, 30, True, id="recent"),
        pytest.param(RUN, 4000, 0, True, id="zero-keeps-all"),
        pytest.param("notes", 4000, 30, True, id="not-ours"),
        pytest.param("run-of-the-mill", 4000, 30, True, id="looks-like-ours"),
    ],
)
def test_age_and_name_decide(
    tmp_path: Path, name: str, age_days: float, keep_days: int, stays: bool
) -> None:
    folder = _result(tmp_path, name, age_days)
    remove_old_results(tmp_path, keep_days, now=NOW)
    assert folder.exists() is stays
    again = remove_old_results(tmp_path, keep_days, now=NOW)
    assert again.folders == 0


def test_a_result_that_is_still_written_stays(tmp_path: Path) -> None:
    folder = _result(tmp_path, RUN, 40)
    os.utime(folder / "turns" / "1.json", (NOW, NOW))
    assert remove_old_results(tmp_path, 30, now=NOW) == Removed(folders=0, kept=1)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = _result(tmp_path / "outside", "data", 40)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / RUN).symlink_to(outside)
    assert remove_old_results(tmp_path / "results", 30, now=NOW) == Removed(0, 0)
    assert outside.exists()


def test_no_results_at_all(tmp_path: Path) -> None:
    assert remove_old_results(tmp_path / "none", 30, now=NOW) == Removed(0, 0)


def test_every_folder_that_harness_makes_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.configured import results_folder

    monkeypatch.setenv("HARNESS_RESULTS_DIR", str(tmp_path))
    for name in ("ask", "chat", "task"):
        results_folder(name).mkdir()
    assert remove_old_results(tmp_path, 30, now=NOW * 2) == Removed(folders=3, kept=0)
