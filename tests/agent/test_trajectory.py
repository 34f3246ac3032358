"""Records are private."""

from __future__ import annotations

from pathlib import Path

from harness.agent.trajectory import Trajectory


def test_an_open_file_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("old")
    path.chmod(0o644)
    Trajectory(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == ""
