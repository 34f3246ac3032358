"""Small real repositories, and the two ways of calling a tool."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.agent import ScriptedChatModel, calls
from harness.agent.actions import write_action
from harness.agent.scripted import Line
from tests.agent.steps import TOOLS

CALC = '''"""Arithmetic."""


def add(a, b):
    return a - b


def mul(a, b):
    return a * b
'''
CHECK = """from calc import add, mul

assert add(2, 3) == 5, add(2, 3)
assert mul(2, 3) == 6
print("all good")
"""
Play = Callable[..., ScriptedChatModel]


def make_repository(root: Path, files: dict[str, str | bytes], *, git: bool = True) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    if git:
        for arguments in (["init", "-q", "-b", "main"], ["add", "-f", "."], ["commit", "-qm", "x"]):
            subprocess.run(
                ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
                cwd=root,
                check=True,
                capture_output=True,
            )
    return root


@pytest.fixture
def calculator(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {
        "calc.py": CALC,
        "check.py": CHECK,
        "README.md": "# Calculator\n\nAdds and multiplies.\n",
    }
    return make_repository(tmp_path / "calculator", files)


@pytest.fixture(params=["native", "text"])
def play(request: pytest.FixtureRequest) -> Play:
    """Make a model that carries out steps in the one or in the other protocol."""

    def make(*steps: tuple[str, dict[str, object]] | Line, num_ctx: int = 16_384) -> Play:
        lines: list[Line] = []
        for step in steps:
            if not isinstance(step, tuple):
                lines.append(step)
            elif request.param == "native":
                lines.append(calls(step))
            else:
                name, arguments = step
                lines.append("I do this.\n" + write_action(TOOLS[name], arguments))
        return ScriptedChatModel(lines, tools=request.param == "native", num_ctx=num_ctx)  # type: ignore[return-value]

    return make  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.agent.turns.RETRY_SECONDS", 0.0)
