"""What a person is told of a run: by what happened, not by what the model says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent import Limits, RunOptions, ask, run_task
from harness.agent.summary import summary
from tests.agent.conftest import Play
from tests.agent.steps import FIX

WRONG = ("edit_file", {"path": "calc.py", "search": "a - b", "replace": "a * b"})


@pytest.mark.parametrize(
    ("steps", "verify", "said"),
    [
        (
            (FIX, "Done."),
            "python3 check.py",
            "Done: 1 file changed, and `python3 check.py` passes.",
        ),
        ((FIX, "Done."), None, "Changed but not verified, because no command was given: 1 file."),
        (
            ("I have fixed it.",),
            None,
            "Nothing was changed, although the model says that it changed some (no_change).",
        ),
        (("There is nothing to do.",), None, "Nothing was changed (no_change)."),
        (
            (WRONG, "Done."),
            "python3 check.py",
            "Not done: 1 file changed, but `python3 check.py` does not pass (verification_failed).",
        ),
    ],
)
def test_the_first_line(
    calculator: Path, play: Play, steps: tuple[object, ...], verify: str | None, said: str
) -> None:
    limits = Limits(verifications=1)
    alone = RunOptions(strategy="loop")  # the search would mend it
    result = run_task(
        "Fix add", calculator, play(*steps), verify=verify, limits=limits, options=alone
    )
    first, second = summary(result)
    assert first == said
    assert "turns of scripted" in second and "model 0 s" in second


def test_the_report_begins_with_it_and_tells_the_steps(
    calculator: Path, play: Play, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_task("Fix add", calculator, play(FIX, "Done."), verify="python3 check.py", results_dir=out)
    text = (out / "report.md").read_text()
    assert text.startswith("# Agent report\n\nDone: 1 file changed, and `python3 check.py` passes.")
    assert "[1] edit_file calc.py: changed, +1 -1 lines" in text
    assert "passed (`python3 check.py`)" in text


def test_a_question(calculator: Path, play: Play) -> None:
    good = summary(ask("What does add do?", calculator, play("`add` subtracts, calc.py:5.")))
    assert good[0] == "Answered, 1 citation checked."
    bad = summary(ask("What does add do?", calculator, play("It adds.")))
    assert bad[0] == "Not answered (unverified)."
