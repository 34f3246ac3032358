"""Golden tasks: real files and real commands; only the model is scripted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from harness.agent import (
    ScriptedChatModel,
    Status,
    calls,
    run_task,
)
from harness.workspace import apply_patch
from tests.agent.conftest import Play, make_repository
from tests.agent.steps import (
    CHECK,
    FIX,
    FIXED_PATCH_LINES,
    READ,
    changed_lines,
    files_of,
    said_to,
)


def test_task_edits_checks_and_verifies(calculator: Path, play: Play, tmp_path: Path) -> None:
    before = files_of(calculator)
    model = play(("grep", {"pattern": "def add"}), READ, FIX, CHECK, "Fixed, calc.py:5.")
    result = run_task(
        "Fix add", calculator, model, verify="python3 check.py", results_dir=tmp_path / "out"
    )
    assert (result.status, result.exit_code, result.verified) == (Status.OK, 0, True)
    assert changed_lines(result) == FIXED_PATCH_LINES
    assert "exit code 0\nall good" in said_to(model)
    assert files_of(calculator) == before
    apply_patch(result.patch, calculator)
    done = subprocess.run(["python3", "check.py"], cwd=calculator, check=False)
    assert done.returncode == 0


def test_both_protocols_give_the_same_patch(calculator: Path) -> None:
    native = ScriptedChatModel([calls(READ), calls(FIX), "Done."])
    text = ScriptedChatModel(
        [
            "```action\nread_file\npath: calc.py\n```",
            "```action\nedit_file\npath: calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n"
            "    return a + b\n>>>>>>> REPLACE\n```",
            "Done.",
        ],
        tools=False,
    )
    results = [run_task("Fix add", calculator, model) for model in (native, text)]
    assert [result.protocol for result in results] == ["native", "text"]
    assert results[0].patch == results[1].patch != ""
    assert text.offered == ()


def test_task_creates_a_file_with_fences_inside(calculator: Path, play: Play) -> None:
    content = "# Use\n\n```python\nadd(1, 2)\n```\n\nThat is all.\n"
    model = play(("edit_file", {"path": "docs/use.md", "content": content}), "Written.")
    result = run_task("Write docs/use.md", calculator, model)
    apply_patch(result.patch, calculator)
    assert (calculator / "docs" / "use.md").read_text() == content


def test_task_rewrites_a_file_and_keeps_its_line_ends(tmp_path: Path, play: Play) -> None:
    root = make_repository(tmp_path / "r", {"dos.txt": b"one\r\ntwo\r\n"})
    model = play(("edit_file", {"path": "dos.txt", "search": "two", "replace": "2"}), "Done.")
    result = run_task("Number it", root, model)
    apply_patch(result.patch, root)
    assert (root / "dos.txt").read_bytes() == b"one\r\n2\r\n"


def test_task_outside_git(tmp_path: Path, play: Play) -> None:
    root = make_repository(
        tmp_path / "plain", {"calc.py": "def add(a, b):\n    return a - b\n"}, git=False
    )
    (root / "node_modules").mkdir()
    (root / "node_modules" / "x.js").write_text("x")
    model = play(("list_files", {}), FIX, "Done.")
    result = run_task("Fix add", root, model)
    assert "node_modules" not in said_to(model, 1)
    apply_patch(result.patch, root)
    assert "a + b" in (root / "calc.py").read_text()


def test_task_at_a_ref(calculator: Path, play: Play) -> None:
    (calculator / "calc.py").write_text("broken by the user\n")
    result = run_task("Fix add", calculator, play(FIX, "Done."), ref="main")
    assert changed_lines(result) == FIXED_PATCH_LINES


def test_task_deletes_and_makes_files_by_commands(calculator: Path, play: Play) -> None:
    command = "rm README.md && mkdir bin && printf '#!/bin/sh\\n' > bin/x && chmod +x bin/x"
    result = run_task("Tidy", calculator, play(("run", {"command": command}), "Done."))
    assert "deleted file mode 100644" in result.patch
    assert "new file mode 100755" in result.patch


def test_failed_verification_goes_back_to_the_model(calculator: Path, play: Play) -> None:
    wrong = ("edit_file", {"path": "calc.py", "search": "a - b", "replace": "a * b"})
    again = (
        "edit_file",
        {
            "path": "calc.py",
            "search": "def add(a, b):\n    return a * b",
            "replace": "def add(a, b):\n    return a + b",
        },
    )
    model = play(wrong, "Done.", again, "Done now.")
    result = run_task("Fix add", calculator, model, verify="python3 check.py")
    assert "AssertionError: 6" in said_to(model, 2)
    assert (result.status, result.verified, result.answer) == (Status.OK, True, "Done now.")


def test_long_output_is_capped_and_addressable(calculator: Path, play: Play) -> None:
    model = play(
        ("run", {"command": "seq 1 9000"}),
        ("read_file", {"path": "@output/1", "start": 5000, "end": 5001}),
        "Done.",
    )
    run_task("Count", calculator, model)
    assert len(said_to(model, 1)) < 9000
    assert "read_file with path @output/1" in said_to(model, 1)
    assert said_to(model, 1).rstrip().endswith("9000")
    assert " 5001| 5000" not in said_to(model, 1)
    assert " 5001| 5000" in said_to(model, 2)  # the first line holds the exit code


def test_edit_mistakes_are_explained(calculator: Path, play: Play) -> None:
    model = play(
        ("edit_file", {"path": "calc.py", "search": "(a, b):", "replace": "(x, y):"}),
        ("edit_file", {"path": "calc.py", "search": "    return a-b", "replace": "x"}),
        ("edit_file", {"path": "calc.py", "search": "a - b", "replace": "a - b"}),
        ("edit_file", {"path": "none.py", "search": "a", "replace": "b"}),
        ("edit_file", {"path": "calc.py", "search": "def add(a, b):", "replace": "def add(a, b:"}),
        "Done.",
    )
    run_task("Fix add", calculator, model)
    assert "the text occurs twice (lines 4, 8)" in said_to(model, 1)
    assert "Closest, from line 5" in said_to(model, 2)
    assert "changes nothing" in said_to(model, 3)
    assert "no such file" in said_to(model, 4)
    assert "no longer valid, correct this first: '(' was never closed (line 4" in said_to(model, 5)


def test_line_numbers_in_the_search_text_are_forgiven(calculator: Path, play: Play) -> None:
    edit = {
        "path": "calc.py",
        "search": "    4| def add(a, b):\n    5|     return a - b",
        "replace": "    4| def add(a, b):\n    5|     return a + b",
    }
    result = run_task("Fix add", calculator, play(("edit_file", edit), "Done."))
    assert changed_lines(result) == FIXED_PATCH_LINES


def test_an_edit_of_a_file_that_was_not_read_is_answered_with_its_text(
    calculator: Path, play: Play
) -> None:
    unread = ("edit_file", {"path": "calc.py", "search": "return x - y", "replace": "return x + y"})
    model = play(unread, unread, FIX, "Done.")
    run_task("Fix add", calculator, model)
    assert "The whole of calc.py:\n    1| " in said_to(model, 1)
    assert "    5|     return a - b" in said_to(model, 1)
    assert "The whole of" not in said_to(model, 2)


def test_a_wrong_path_is_answered_with_the_nearest_real_ones(calculator: Path, play: Play) -> None:
    model = play(
        ("edit_file", {"path": "src/calc.py", "search": "a - b", "replace": "a + b"}),
        ("read_file", {"path": "calculator.py"}),
        ("read_file", {"path": "nothing/like/it.rs"}),
        "Nothing.",
    )
    run_task("Fix add", calculator, model)
    assert "src/calc.py: no such file; there is calc.py; edit that one" in said_to(model, 1)
    assert "calculator.py: no such file; there is calc.py" in said_to(model, 2)
    assert said_to(model, 3).endswith("nothing/like/it.rs: no such file")


def test_what_does_not_parse_is_told_at_once(tmp_path: Path, play: Play) -> None:
    files: dict[str, str | bytes] = {
        "a.go": "package a\n\nfunc A() int {\n\treturn 1\n}\n",
        "a.ts": "export const a = () => {\n  return 1;\n};\n",
    }
    root = make_repository(tmp_path / "r", files)
    model = play(
        ("edit_file", {"path": "b.py", "content": "def b(:\n    pass\n"}),
        ("edit_file", {"path": "a.go", "search": "func A() int {", "replace": "func A( int {"}),
        ("edit_file", {"path": "a.ts", "search": "return 1;", "replace": "return (1;"}),
        "Done.",
    )
    result = run_task("Change it", root, model)
    assert "a new file has to parse, and this does not: invalid syntax (line 1" in said_to(model, 1)
    assert "b.py" not in result.patch
    assert "no longer valid, correct this first: " in said_to(model, 2)
    assert "no longer valid, correct this first: " in said_to(model, 3)
