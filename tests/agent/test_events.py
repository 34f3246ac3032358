"""Each call and what came of it, as one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent import AgentEvent, RunOptions, run_task
from harness.agent.events import as_line
from tests.agent.conftest import Play, make_repository

SECRET = "hunter2-hunter2-hunter2"


def lines_of(events: list[AgentEvent]) -> list[str]:
    return [line for event in events if (line := as_line(event))]


def test_calls_are_told_in_one_line_each(calculator: Path, play: Play) -> None:
    events: list[AgentEvent] = []
    model = play(
        ("list_files", {}),
        ("read_file", {"path": "calc.py", "start": 4, "end": 5}),
        ("read_file", {"path": "none.py"}),
        ("read_file", {"path": "/etc/passwd"}),
        ("grep", {"pattern": "def ", "path": "calc.py"}),
        ("semantic_search", {"query": "adds two numbers"}),
        ("edit_file", {"path": "calc.py", "search": "(a, b):", "replace": "(x, y):"}),
        ("edit_file", {"path": "calc.py", "search": "return a-b", "replace": "return a + b"}),
        ("edit_file", {"path": "calc.py", "search": "a - b", "replace": "a + b"}),
        ("edit_file", {"path": "new.txt", "content": "1\n2\n"}),
        ("run", {"command": "echo working\necho '3 failed, 1 passed'; exit 1"}),
        "Done.",
    )
    run_task("Fix add", calculator, model, verify="python3 check.py", on_event=events.append)
    assert lines_of(events) == [
        "verify python3 check.py: exit 1, AssertionError: -1",
        "list_files: 3 files",
        "read_file calc.py: lines 4-5 of 9",
        "read_file none.py: no such file",
        "read_file /etc/passwd: not allowed, use a path relative to the repository root",
        "grep def calc.py: 2 lines",
        "semantic_search adds two numbers: not indexed, 1 line with its words",
        "edit_file calc.py: refused, the text occurs twice (lines 4, 8)",
        "edit_file calc.py: refused, the search text does not occur. Closest, from line 5",
        "edit_file calc.py: changed, +1 -1 lines, +0 bytes",
        "edit_file new.txt: created, +2 -0 lines, +4 bytes",
        "run echo working…: exit 1, 3 failed, 1 passed",
        "verify python3 check.py: exit 0, all good",
    ]


def test_a_line_holds_no_secret(tmp_path: Path, play: Play) -> None:
    root = make_repository(tmp_path / "r", {"a.txt": "a\n"})
    events: list[AgentEvent] = []
    model = play(("run", {"command": f"echo {SECRET}; echo {SECRET}"}), "Nothing to do.")
    run_task("Leak", root, model, on_event=events.append, options=RunOptions(secrets=(SECRET,)))
    assert any(line.startswith("run echo") for line in lines_of(events))
    assert SECRET not in "".join(lines_of(events))


@pytest.mark.parametrize("command", ["yes | head -c 100000", "printf 'a\\rb\\033[1m\\n'", "true"])
def test_a_line_is_one_line_of_bounded_length(tmp_path: Path, play: Play, command: str) -> None:
    root = make_repository(tmp_path / "r", {"a.txt": "a\n"})
    events: list[AgentEvent] = []
    run_task("Go", root, play(("run", {"command": command}), "Ok."), on_event=events.append)
    assert all("\n" not in line and len(line) < 400 for line in lines_of(events))
    assert any(line.startswith("run ") for line in lines_of(events))
