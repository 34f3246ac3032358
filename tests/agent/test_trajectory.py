"""Records are private."""

from __future__ import annotations

import json
from pathlib import Path

from harness.agent.trajectory import Trajectory
from harness.models.conversation import ChatMessage


def test_an_open_file_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("old")
    path.chmod(0o644)
    Trajectory(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == ""


def test_what_samples_are_drawn_on_is_written_once(tmp_path: Path) -> None:
    trajectory = Trajectory(tmp_path / "t.jsonl")
    for step, text in enumerate(["first", "first", "second"], 1):
        trajectory.write_asked(step, [ChatMessage("system", "s"), ChatMessage("user", text)])
    trajectory.close()
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [(line["step"], line["content"]) for line in lines] == [(1, "first"), (3, "second")]
