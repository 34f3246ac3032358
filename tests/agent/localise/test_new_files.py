"""A file that a task asks for, written by a scripted model and judged by a real command."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent import RunOptions, ScriptedChatModel, Status, run_task
from harness.agent.localise.new_files import wanted_file
from harness.workspace.paths import ConfinedTree
from tests.agent.conftest import CALC, make_repository

TASK = "Write a test file test_calc.py with a function test_add that checks add."
CHECK = "import test_calc\n\ntest_calc.test_add()\n"
IN_A_CLASS = "```python\nclass Tests:\n    def test_add(self):\n        assert add(3, 2) == 1\n```"
# The place beside it is longer, and is not what was asked for. The import is missing.
WITH_PLACE = (
    '```python\n# calc.py\ndef add(a, b):\n    """Add, and say so at some length."""\n'
    "    return a + b\n```\nAnd:\n```python\n# test_calc.py\n"
    "def test_add():\n    assert add(3, 2) == 1\n```"
)


def test_a_new_file_is_written_and_corrected(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", {"calc.py": CALC, "check.py": CHECK})
    model = ScriptedChatModel(["I would not know.```", IN_A_CLASS, WITH_PLACE])
    result = run_task(
        TASK, root, model, verify="python3 check.py", options=RunOptions(strategy="localise")
    )
    assert (result.status, result.verified, result.steps) == (Status.OK, True, 3)
    assert "+from calc import add" in result.patch
    assert "calc.py" not in result.patch.replace("test_calc.py", "")
    first, again, corrected = (asked[-1].content for asked in model.requests)
    assert "def add(a, b)" in first
    assert "test_calc.test_add()" in first
    assert "It has the function `test_add`, outside of any class." in first
    assert first == again
    assert corrected.startswith(first)
    assert "has no attribute 'test_add'" in corrected


@pytest.mark.parametrize(
    ("task", "path"),
    [
        pytest.param(TASK, "test_calc.py", id="named"),
        pytest.param("Create `src/new.go`, which holds Sum.", "src/new.go", id="in-a-folder"),
        pytest.param("Add a check to calc.py.", "", id="it-is-there"),
        pytest.param("Add a.py and b.py.", "", id="two-of-them-name-none-alone"),
        pytest.param("add(a, b) must read lost.py. Add a test.", "", id="another-sentence"),
        pytest.param("Write calc.add again.", "", id="no-file-of-code"),
        pytest.param("Write ../out.py.", "", id="outside"),
        pytest.param("Rename add to plus in lost.py.", "", id="not-asked-to-write"),
    ],
)
def test_which_file_is_wanted(calculator: Path, task: str, path: str) -> None:
    assert wanted_file(task, ConfinedTree(calculator)) == path
