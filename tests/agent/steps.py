"""Steps and checks that the golden tasks share."""

from __future__ import annotations

import json
from pathlib import Path

from harness.agent import Envelope, ScriptedChatModel, Status
from harness.agent.actions import write_action
from harness.agent.tools.registry import CHANGING, READING

# Declared only: they have access to nothing.
TOOLS = {tool.name: tool for tool in (declare(None) for declare in (*READING, *CHANGING))}  # type: ignore[operator]
FIX: tuple[str, dict[str, object]] = (
    "edit_file",
    {"path": "calc.py", "search": "    return a - b", "replace": "    return a + b"},
)
CHECK: tuple[str, dict[str, object]] = ("run", {"command": "python3 check.py"})
READ: tuple[str, dict[str, object]] = ("read_file", {"path": "calc.py"})
FIXED_PATCH_LINES = ["-    return a - b", "+    return a + b"]


def said_to(model: ScriptedChatModel, step: int = -1) -> str:
    """The last message the model got before it spoke."""
    return model.requests[step][-1].content


def changed_lines(result: Envelope) -> list[str]:
    return [
        line
        for line in result.patch.splitlines()
        if line[:1] in "+-" and not line.startswith(("+++", "---"))
    ]


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def ends(result: Envelope, status: Status, exit_code: int, reason: str) -> None:
    assert (result.status, result.exit_code) == (status, exit_code), result.error
    assert reason in (result.error or "")
    assert json.loads(json.dumps(result.to_dict()))["exit_code"] == exit_code


def write(step: tuple[str, dict[str, object]], words: str = "I do this.") -> str:
    """A call as a model writes it in the text protocol."""
    name, arguments = step
    return f"{words}\n{write_action(TOOLS[name], arguments)}"
