"""Every limit, every status, every exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.agent import (
    Limits,
    RunOptions,
    ScriptedChatModel,
    Status,
    ask,
    calls,
    run_task,
)
from harness.errors import (
    ModelMissingError,
    PolicyError,
    RepositoryNotFoundError,
    ServiceUnavailableError,
    UsageError,
)
from harness.models.conversation import ChatTurn
from tests.agent.conftest import Play, make_repository
from tests.agent.steps import (
    CHECK,
    FIX,
    FIXED_PATCH_LINES,
    READ,
    changed_lines,
    ends,
    said_to,
)


def test_step_limit(calculator: Path, play: Play) -> None:
    steps = [("grep", {"pattern": f"x{number}"}) for number in range(10)]
    result = ask("?", calculator, play(*steps), limits=Limits(steps=4))
    ends(result, Status.STEP_LIMIT, 4, "no end after 4 steps")
    assert result.steps == 4


def test_token_limit(calculator: Path, play: Play) -> None:
    steps = [("grep", {"pattern": f"x{number}"}) for number in range(10)]
    result = ask("?", calculator, play(*steps), limits=Limits(total_tokens=500))
    ends(result, Status.TOKEN_LIMIT, 4, "500 allowed")


def test_time_limit_ends_a_command(calculator: Path, play: Play) -> None:
    model = play(("run", {"command": "sleep 300"}), "Done.")
    result = run_task("Wait", calculator, model, limits=Limits(wall_seconds=1.0))
    ends(result, Status.TIME_LIMIT, 4, "no end after 1 s")
    assert result.duration_seconds < 300


def test_time_limit_ends_a_stream(calculator: Path) -> None:
    import time

    class Endless(ScriptedChatModel):
        def chat(self, messages, tools=(), on_token=None):  # type: ignore[no-untyped-def]
            while True:
                time.sleep(0.01)
                on_token("word ")

    result = ask("?", calculator, Endless([""]), limits=Limits(wall_seconds=0.2))
    ends(result, Status.TIME_LIMIT, 4, "no end after 0.2 s")


def test_a_model_that_loops(calculator: Path, play: Play) -> None:
    model = play(READ, READ, READ)
    result = ask("?", calculator, model)
    ends(result, Status.REPEATED_CALL, 4, "same call 3 times")
    assert "same call as before" in said_to(model, 2)


def test_the_same_command_is_no_loop_after_a_change(calculator: Path, play: Play) -> None:
    edits = [("edit_file", {"path": "n.txt", "content": f"{number}\n"}) for number in range(1, 4)]
    steps = [step for edit in edits for step in (CHECK, edit)]
    assert run_task("Try", calculator, play(*steps, CHECK, "Done.")).status is Status.OK


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        pytest.param("", "empty", id="says-nothing"),
        pytest.param(ChatTurn("I think", done_reason="length"), "cut off", id="too-long"),
        pytest.param("<tool_call>{bad</tool_call>", "not valid JSON", id="broken-json"),
        pytest.param("```action\nfly\nto: moon\n```", "no tool 'fly'", id="unknown-tool"),
        pytest.param("```action\nread_file\n```", "needs the argument 'path'", id="missing"),
        pytest.param('{"name": "create_file", "arguments": {"path": "a"}}', "no tool", id="json"),
        pytest.param('I go.\n{"name": "read_file", "arguments": {"path": "a', "JSON", id="cut"),
        pytest.param(calls(("read_file", {"path": ["a"]})), "must be text", id="wrong-type"),
        pytest.param(
            calls(("read_file", {"path": "a", "start": "soon"})), "whole number", id="no-number"
        ),
        pytest.param(
            calls(("read_file", {"path": "a", "start": 10**30})), "between", id="huge-number"
        ),
        pytest.param(
            calls(("read_file", {"path": "a", "end": float("inf")})), "whole number", id="infinity"
        ),
        pytest.param(calls(("grep", {"pattern": "x" * 100_000})), "at most 500", id="huge-text"),
        pytest.param(calls(("grep", {"pattern": "x", "$where": {}})), "no argument", id="unknown"),
        pytest.param(calls(*[("grep", {"pattern": "x"})] * 9), "At most 8", id="too-many"),
    ],
)
def test_turns_that_cannot_be_used(calculator: Path, turn: ChatTurn | str, reason: str) -> None:
    native = isinstance(turn, ChatTurn) and bool(turn.tool_calls)
    model = ScriptedChatModel([turn], tools=native)
    result = ask("?", calculator, model)
    ends(result, Status.FORMAT_ERRORS, 4, reason)
    assert result.steps == 3
    assert reason in said_to(model, 1)
    assert model.requests[1][-2].content  # servers reject empty messages


def test_one_bad_turn_is_forgiven(calculator: Path, play: Play) -> None:
    assert ask("Where?", calculator, play("", READ, "", READ, "calc.py:1")).status is Status.OK


def test_context_overflow_is_an_error(calculator: Path, play: Play) -> None:
    model = play("Done.", num_ctx=2048)
    result = ask("word " * 3000, calculator, model)
    ends(result, Status.CONTEXT_OVERFLOW, 4, "HARNESS_NUM_CTX")
    assert model.requests == []


def test_a_window_that_the_server_filled_is_an_error(calculator: Path, play: Play) -> None:
    result = ask("?", calculator, play(ChatTurn("Done.", prompt_tokens=16_384)))
    ends(result, Status.CONTEXT_OVERFLOW, 4, "dropped messages")


def test_old_outputs_become_stubs(tmp_path: Path, play: Play) -> None:
    files: dict[str, str | bytes] = {
        f"f{n}.txt": "".join(f"file {n} line {i}\n" for i in range(200)) for n in range(8)
    }
    root = make_repository(tmp_path / "r", files)
    steps = [("read_file", {"path": f"f{n}.txt"}) for n in range(8)]
    model = play(*steps, "f7.txt:1", num_ctx=6000)
    result = ask("Where is it? Read all", root, model)
    assert result.status is Status.OK
    last = model.requests[-1]
    assert "Read all" in last[1].content
    assert "[read_file f0.txt: " in last[3].content
    assert "file 7 line 3" in last[-1].content
    assert max(sum(len(m.content) for m in request) for request in model.requests) < 6000 * 3


def test_no_change(calculator: Path, play: Play) -> None:
    model = play(READ, "I would change line 5.", "There is nothing to do.")
    result = run_task("Fix add", calculator, model)
    ends(result, Status.NO_CHANGE, 5, "without changing a file")
    assert result.answer == "There is nothing to do."
    assert "although" not in (result.error or "")
    assert said_to(model, 2).startswith("No file has changed; ")


def test_a_change_that_is_only_claimed(calculator: Path, play: Play, tmp_path: Path) -> None:
    model = play("I have fixed add.", "Fixed add in calc.py:5.")
    result = run_task("Fix add", calculator, model, results_dir=tmp_path / "out")
    ends(result, Status.NO_CHANGE, 5, "although it says that it did")
    assert said_to(model, 1).startswith("No file has changed; ")
    assert "last words (no file was changed)" in (tmp_path / "out" / "report.md").read_text()


def test_verification_failed(calculator: Path, play: Play) -> None:
    edit = ("edit_file", {"path": "n.txt", "content": "n\n"})
    alone = RunOptions(strategy="loop")  # the search would mend it
    model = play(edit, "Done.")
    result = run_task("Fix add", calculator, model, verify="python3 check.py", options=alone)
    ends(result, Status.VERIFICATION_FAILED, 6, "failed 3 times")
    assert result.verified is False
    assert changed_lines(result) == ["+n"]


def test_verification_leaves_nothing_in_the_patch(calculator: Path, play: Play) -> None:
    result = run_task("Fix", calculator, play(FIX, "Done."), verify="echo x > report.xml")
    assert "report.xml" not in result.patch
    assert result.verified is True


def test_a_failed_verification_leaves_nothing_either(calculator: Path, play: Play) -> None:
    edit = ("edit_file", {"path": "n.txt", "content": "n\n"})
    verify = "echo x > report.xml; python3 check.py"
    result = run_task("Fix", calculator, play(edit, "Done.", FIX, "Done."), verify=verify)
    assert result.verified is True
    assert "report.xml" not in result.patch


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ServiceUnavailableError("no answer from localhost"), id="server"),
        pytest.param(ModelMissingError("harness models pull x"), id="model"),
    ],
)
def test_model_unavailable(calculator: Path, play: Play, error: Exception) -> None:
    result = run_task("Fix add", calculator, play(FIX, error))
    ends(result, Status.MODEL_UNAVAILABLE, 3, str(error))
    assert changed_lines(result) == FIXED_PATCH_LINES  # what was done is not lost


def test_model_missing_from_the_start(calculator: Path) -> None:
    class Missing(ScriptedChatModel):
        def info(self):  # type: ignore[no-untyped-def]
            raise ModelMissingError("harness models pull scripted")

    ends(ask("?", calculator, Missing([""])), Status.MODEL_UNAVAILABLE, 3, "models pull")


def test_a_stream_that_stops_midway_is_tried_again(calculator: Path) -> None:
    class Broken(ScriptedChatModel):
        def chat(self, messages, tools=(), on_token=None):  # type: ignore[no-untyped-def]
            if not self.requests:
                self.requests.append(tuple(messages))
                on_token("half an ans")
                raise ServiceUnavailableError("the stream broke off")
            return super().chat(messages, tools, on_token)

    told: list[str] = []
    result = ask(
        "Where?", calculator, Broken(["", "calc.py:1"]), on_event=lambda e: told.append(e.kind)
    )
    assert (result.status, result.answer) == (Status.OK, "calc.py:1")
    assert told.index("token") < told.index("retry")


def test_refused_after_three_attempts_to_leave(calculator: Path, play: Play) -> None:
    steps = [("read_file", {"path": path}) for path in ("/etc/passwd", "../x", ".git/config")]
    model = play(*steps, "Done.")
    result = ask("?", calculator, model)
    ends(result, Status.REFUSED, 7, "3 calls refused")
    assert "Refused: /etc/passwd" in said_to(model, 1)


def test_interrupted(calculator: Path, play: Play, tmp_path: Path) -> None:
    result = run_task(
        "Fix add", calculator, play(FIX, KeyboardInterrupt()), results_dir=tmp_path / "out"
    )
    ends(result, Status.INTERRUPTED, 130, "interrupted")
    assert (tmp_path / "out" / "patch.diff").read_text() == result.patch != ""


def test_cancelled_by_the_caller(calculator: Path, play: Play) -> None:
    state = {"asked": 0}

    def cancelled() -> bool:
        state["asked"] += 1
        return state["asked"] > 3

    steps = [("grep", {"pattern": f"x{number}"}) for number in range(10)]
    result = ask("?", calculator, play(*steps), options=RunOptions(cancelled=cancelled))
    ends(result, Status.INTERRUPTED, 130, "interrupted")


def test_results_are_collected_when_the_caller_is_torn_down(
    calculator: Path, play: Play, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        run_task("Fix", calculator, play(FIX, SystemExit(1)), results_dir=tmp_path / "out")
    saved = json.loads((tmp_path / "out" / "result.json").read_text())
    assert saved["status"] == "interrupted"
    assert "+    return a + b" in (tmp_path / "out" / "patch.diff").read_text()


def test_internal_error(calculator: Path, play: Play, tmp_path: Path) -> None:
    result = ask("?", calculator, play(RuntimeError("a bug")), results_dir=tmp_path / "out")
    ends(result, Status.INTERNAL, 1, "RuntimeError: a bug")
    assert (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize(
    ("text", "root", "ref", "error", "exit_code"),
    [
        pytest.param(" ", ".", None, UsageError, 2, id="empty"),
        pytest.param("x", "none", None, RepositoryNotFoundError, 2, id="no-folder"),
        pytest.param("x", ".", "nope", UsageError, 2, id="no-ref"),
        pytest.param("x", ".git", None, PolicyError, 7, id="git-dir"),
    ],
)
def test_bad_input_raises_before_anything_starts(
    calculator: Path,
    play: Play,
    text: str,
    root: str,
    ref: str | None,
    error: type[UsageError],
    exit_code: int,
) -> None:
    with pytest.raises(error) as caught:
        run_task(text, calculator / root, play(FIX), ref=ref)
    assert caught.value.exit_code == exit_code
