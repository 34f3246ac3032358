"""Replay, approval, records, and conversations."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.agent import (
    ChatSession,
    RunOptions,
    ScriptedChatModel,
    Status,
    apply_result,
    calls,
    run_task,
)
from harness.agent.turn_cache import DirectoryTurnCache
from harness.errors import (
    PolicyError,
)
from harness.types import ChatMessage
from tests.agent.conftest import Play
from tests.agent.steps import (
    CHECK,
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
    assert kinds == ["start", "turn", "turn", "turn", "verify", "end", "result"]
    for name in ("trajectory.jsonl", "patch.diff", "report.md", "result.json"):
        assert (tmp_path / "out" / name).stat().st_mode & 0o777 == 0o600


def test_chat_keeps_history_changes_and_undoes(calculator: Path, play: Play) -> None:
    model = play("Hello.", FIX, "Fixed.", CHECK, "It passes.", READ, "Back to a - b.")
    with ChatSession(calculator, model) as chat:
        assert chat.turn("Hi").answer == "Hello."
        assert changed_lines(chat.turn("Fix add")) == FIXED_PATCH_LINES
        assert chat.turn("Check it").answer == "It passes."
        assert any(message.content == "Hello." for message in model.requests[-1])
        assert chat.undo() is True
        assert chat.undo() is False
        assert chat.diff() == ""
        chat.turn("And now?")
        assert "return a - b" in said_to(model)
        root = chat.workspace_root
    assert not root.exists()
    assert "a - b" in (calculator / "calc.py").read_text()


def test_chat_goes_on_after_ctrl_c(calculator: Path) -> None:
    model = ScriptedChatModel([calls(FIX, CHECK), KeyboardInterrupt(), "Still here.", "And here."])
    with ChatSession(calculator, model) as chat:
        stopped = chat.turn("Fix add")
        assert (stopped.status, stopped.exit_code) == (Status.INTERRUPTED, 130)
        assert changed_lines(stopped) == FIXED_PATCH_LINES
        assert chat.turn("Are you there?").answer == "Still here."
        assert chat.undo()


def test_chat_applies_and_switches_models(calculator: Path) -> None:
    first = ScriptedChatModel([calls(FIX), "Fixed."])
    second = ScriptedChatModel(["I know."], tools=False, model="other")
    with ChatSession(calculator, first) as chat:
        chat.turn("Fix add")
        chat.switch_model(second)
        result = chat.turn("What did you do?")
        assert (result.model, result.protocol) == ("other", "text")
        assert [m.content for m in second.requests[0]][1:] == [
            "Fix add",
            "Fixed.",
            "What did you do?",
        ]
        chat.apply()
        assert chat.diff() == ""
    assert "a + b" in (calculator / "calc.py").read_text()


def test_unanswered_calls_are_closed(calculator: Path) -> None:
    """Servers refuse a conversation in which a call has no answer."""

    def look(messages: Sequence[ChatMessage]) -> str:
        asked = sum(len(message.tool_calls) for message in messages)
        assert asked == sum(message.role == "tool" for message in messages) == 2
        return "Fine."

    approve = RunOptions(approve=lambda kind, text: (_ for _ in ()).throw(KeyboardInterrupt))
    with ChatSession(
        calculator, ScriptedChatModel([calls(CHECK, READ), look]), options=approve
    ) as chat:
        assert chat.turn("Go").status is Status.INTERRUPTED
        assert chat.turn("Go on").answer == "Fine."


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
