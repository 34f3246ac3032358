"""Overhead of the agent's loop per step, without the model.

Run ``python benchmarks/agent_overhead.py``.

A scripted model answers at once, so that what is left is ours: the budget, the protocol, the
tools, the record. The wanted bound is 50 ms as the median over the steps of reading and editing;
commands are shown apart, because most of their time is the processes they start.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.agent import AgentEvent, EventKind, Limits, ScriptedChatModel, calls, run_task

BOUND_MS = 50.0
STEPS = 60
FILES = 200


def make_repository(root: Path) -> Path:
    """A git repository of FILES Python files of 100 lines."""
    for number in range(FILES):
        path = root / f"package_{number % 10}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"value_{line} = {line + number}\n" for line in range(100)))
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run(
            ["git", "-c", "user.name=b", "-c", "user.email=b@b", *command], cwd=root, check=True
        )
    return root


def steps() -> list[tuple[str, dict[str, object]]]:
    """As a task goes: reading mostly, some edits, some searches, some commands."""
    made: list[tuple[str, dict[str, object]]] = []
    for number in range(STEPS):
        path = f"package_{number % 10}/module_{number}.py"
        kind = number % 6
        if kind == 3:
            edit = {"path": path, "search": f"value_7 = {7 + number}\n", "replace": "value_7 = 0\n"}
            made.append(("edit_file", dict(edit)))
        elif kind == 4:
            made.append(("grep", {"pattern": f"value_9 = {number}"}))
        elif kind == 5:
            made.append(("run", {"command": f"true {number}"}))
        else:
            made.append(("read_file", {"path": path}))
    return made


def measure() -> dict[str, object]:
    """Return milliseconds per step, by tool and over all."""
    times: dict[str, list[float]] = {}
    state = {"since": time.perf_counter(), "tool": ""}

    def on_event(event: AgentEvent) -> None:
        if event.kind is EventKind.CALL:
            state["tool"] = event.tool
        if event.kind is EventKind.STEP:
            now = time.perf_counter()
            if state["tool"]:
                spent = (now - float(state["since"])) * 1000
                times.setdefault(str(state["tool"]), []).append(spent)
            state["since"] = now

    with tempfile.TemporaryDirectory() as folder:
        root = make_repository(Path(folder, "repository"))
        model = ScriptedChatModel([*(calls(step) for step in steps()), "Done."])
        started = time.perf_counter()
        result = run_task(
            "Change it",
            root,
            model,
            limits=Limits(steps=STEPS + 1, total_tokens=0),
            on_event=on_event,
            results_dir=Path(folder, "results"),
        )
        total = time.perf_counter() - started
    assert result.status == "ok", result.error
    every = [spent for spents in times.values() for spent in spents]
    without_commands = [
        spent for tool, spents in times.items() if tool != "run" for spent in spents
    ]
    return {
        "steps": len(every),
        "median_ms": round(statistics.median(every), 2),
        "median_without_commands_ms": round(statistics.median(without_commands), 2),
        "by_tool_ms": {
            tool: round(statistics.median(spents), 2) for tool, spents in sorted(times.items())
        },
        "whole_run_seconds": round(total, 2),
        "bound_ms": BOUND_MS,
    }


def main() -> int:
    """Print the measurement; the exit code is 1 when the bound is exceeded."""
    measured = measure()
    print(json.dumps(measured, indent=2))
    return 0 if float(str(measured["median_ms"])) < BOUND_MS else 1


if __name__ == "__main__":
    sys.exit(main())
