"""Replay, approval, records, and applying what came out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from harness.agent import (
    RunOptions,
    apply_result,
    run_task,
)
from harness.agent.turn_cache import DirectoryTurnCache
from harness.errors import PolicyError
from tests.agent.conftest import Play
from tests.agent.steps import (
    FIX,
    FIXED_PATCH_LINES,
    READ,
    changed_lines,
    said_to,
)


def test_a_lost_pod_replays_turns_and_runs_tools_again(
    calculator: Path, play: Play, tmp_path: Path
) -> None:
    options = RunOptions(turn_cache=DirectoryTurnCache(tmp_path / "turns"))
    first = play(READ, FIX, SystemExit(1))
    with pytest.raises(SystemExit):
        run_task("Fix add", calculator, first, options=options)
    second = play("Done.")
    second.lines = ["Done."]
    result = run_task("Fix add", calculator, second, options=options)
    assert (result.status, result.usage.replayed_turns, result.usage.model_calls) == ("ok", 2, 1)
    assert changed_lines(result) == FIXED_PATCH_LINES


def test_commands_need_approval_when_asked_for(calculator: Path, play: Play) -> None:
    asked: list[tuple[str, str]] = []

    def approve(kind: str, text: str) -> bool:
        asked.append((kind, text))
        return False

    model = play(("run", {"command": "touch evidence"}), FIX, "Done.")
    result = run_task("Fix", calculator, model, verify="true", options=RunOptions(approve=approve))
    assert asked == [("command", "touch evidence")]
    assert "did not allow" in said_to(model, 1)
    assert changed_lines(result) == FIXED_PATCH_LINES


def test_the_trajectory_tells_the_whole_story(calculator: Path, play: Play, tmp_path: Path) -> None:
    result = run_task(
        "Fix", calculator, play(READ, FIX, "Done."), verify="true", results_dir=tmp_path / "out"
    )
    path = Path(result.trajectory_path or "")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["schema"] for line in lines} == {"harness.trajectory/1"}
    kinds = [line["kind"] for line in lines if line["kind"] != "message"]
    assert kinds == ["start", "verify", "turn", "turn", "turn", "verify", "end", "result"]
    for name in ("trajectory.jsonl", "patch.diff", "report.md", "result.json"):
        assert (tmp_path / "out" / name).stat().st_mode & 0o777 == 0o600


def test_a_persons_time_does_not_count(
    calculator: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    later, clock = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + later[0])

    def approve(kind: str, text: str) -> bool:
        later[0] += 10_000
        return True

    model = play(FIX, ("run", {"command": "true"}), "Done.")
    result = run_task("Fix", calculator, model, options=RunOptions(approve=approve))
    assert result.status == "ok", result.error


def test_a_result_is_applied_when_it_ended_well_and_was_approved(
    calculator: Path, play: Play
) -> None:
    good = run_task("Fix", calculator, play(FIX, "Done."))
    bad = run_task("Fix", calculator, play(FIX, "Done."), verify="false")
    with pytest.raises(PolicyError, match="verification_failed"):
        apply_result(bad, calculator)
    with pytest.raises(PolicyError, match="not approved"):
        apply_result(good, calculator, approve=lambda kind, text: False)
    assert "a - b" in (calculator / "calc.py").read_text()
    apply_result(good, calculator, approve=lambda kind, text: (kind, text) == ("apply", good.patch))
    assert "a + b" in (calculator / "calc.py").read_text()
