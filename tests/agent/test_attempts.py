"""The loop begins anew while there is time, and the best of its versions stays."""

from __future__ import annotations

from pathlib import Path

from harness.agent import Envelope, Limits, RunOptions, ScriptedChatModel, Status, run_task
from harness.agent.actions import write_action
from harness.agent.scripted import Line
from tests.agent.conftest import make_repository
from tests.agent.steps import CHECK, FIX, FIXED_PATCH_LINES, TOOLS, changed_lines, write

VERIFY = "python3 check.py"
LOOP = RunOptions(strategy="loop")
WRONG = write(("edit_file", {"path": "calc.py", "search": "a - b", "replace": "a ** b"}))


def attempt(
    calculator: Path, *lines: Line, limits: Limits | None = None
) -> tuple[ScriptedChatModel, Envelope]:
    model = ScriptedChatModel(lines, tools=False)
    result = run_task(
        "Fix add", calculator, model, verify=VERIFY, options=LOOP, limits=limits or Limits()
    )
    return model, result


def test_a_failed_loop_begins_anew_on_the_files_as_they_were(calculator: Path) -> None:
    model, result = attempt(calculator, WRONG, "Done.", "Done.", "Done.", write(FIX), "Fixed.")
    assert (result.status, result.verified) == (Status.OK, True)
    assert changed_lines(result) == FIXED_PATCH_LINES
    assert model.requests[4] == model.requests[0]  # the server has read it
    temperatures = [sampling.temperature if sampling else None for sampling in model.sampled]
    assert temperatures == [None, None, None, None, 0.6, 0.6]
    assert "attempt 1 ended (verification_failed); beginning anew" in result.tried[0]


def test_the_number_of_attempts_is_a_limit(calculator: Path) -> None:
    model, result = attempt(calculator, WRONG, "Done.", "Done.", "Done.", limits=Limits(attempts=1))
    assert (result.status, len(model.requests)) == (Status.VERIFICATION_FAILED, 4)
    assert "+    return a ** b" in result.patch


def test_of_failed_attempts_the_better_version_stays(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "calc.py": "def first():\n    return 0\n\n\ndef second():\n    return 0\n",
        "check.py": "import calc\nbad = [f for f in (calc.first, calc.second) if f() != 1]\n"
        "print(len(bad), 'failed')\nraise SystemExit(len(bad))\n",
    }
    root = make_repository(tmp_path / "r", files)

    def returning(number: str) -> str:
        search = "def first():\n    return 0"
        edit = {"path": "calc.py", "search": search, "replace": search[:-1] + number}
        return write_action(TOOLS["edit_file"], edit)

    done = ["Done."] * 3
    _, result = attempt(root, returning("1"), *done, returning("7"), *done)
    assert result.status is Status.VERIFICATION_FAILED
    assert changed_lines(result) == ["-    return 0", "+    return 1"]


def test_work_that_passes_is_done_even_if_the_model_never_says_so(calculator: Path) -> None:
    model, result = attempt(calculator, write(FIX), write(CHECK), limits=Limits(steps=3))
    assert (result.status, result.verified) == (Status.OK, True)
    assert changed_lines(result) == FIXED_PATCH_LINES
    assert "the model did not describe them" in result.answer
    assert len(model.requests) == 3
