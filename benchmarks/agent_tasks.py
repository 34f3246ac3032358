"""Makes tasks for :mod:`benchmarks.agent`: small repositories with a failing check.

``python -m benchmarks.agent_tasks OUT [--only LANGUAGE…]``

OUT gets ``repos/ID``, git repositories, and ``tasks.json`` with text, command and reference fix.
The languages are Python, Go, TypeScript, Rust, Java and C. Every task is checked while it is made:
its command fails before the fix and passes after it. A task whose compiler is missing here is left
out, and named. The sources (``data/agent/tasks.json``) were written for this, none is a package's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "agent" / "tasks.json"
NEEDS = {
    "python": "python3", "go": "go", "typescript": "node", "rust": "rustc", "java": "javac",
    "c": "cc",
}  # fmt: skip


def make_task(task: dict[str, Any], repository: Path) -> dict[str, Any]:
    """Write one repository and check it.

    :raises RuntimeError: it passes before its fix, or fails after it.
    """
    for name, text in task["files"].items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (repository / ".gitignore").write_text("__pycache__/\n*.pyc\n*.class\n/out\n")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        _git(repository, *arguments)
    before = _passes(task["verify"], repository)
    for name, old, new in task["fix"]:
        path = repository / name
        text = path.read_text() if path.exists() else ""
        if old and text.count(old) < 1:
            raise RuntimeError(f"{task['id']}: {old!r} is not in {name}")
        path.write_text(text.replace(old, new) if old else new)
    after = _passes(task["verify"], repository)
    _git(repository, "add", "-A")
    fix = _git(repository, "diff", "--cached", "HEAD")
    _git(repository, "reset", "-q", "--hard", "HEAD")
    _git(repository, "clean", "-fdqx")
    if before or not after:
        raise RuntimeError(f"{task['id']}: passes before: {before}, after its fix: {after}")
    return {"id": task["id"], "text": task["text"], "verify": task["verify"], "fix": fix}


def _passes(command: str, folder: Path) -> bool:
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def main() -> None:
    """Make all tasks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=list(NEEDS), metavar="LANGUAGE")
    options = parser.parse_args()
    shutil.rmtree(options.out / "repos", ignore_errors=True)
    made = []
    for task in json.loads(DATA.read_text()):
        language = task["language"]
        if language not in options.only:
            continue
        if shutil.which(NEEDS[language]) is None:
            print(f"left out, no {NEEDS[language]} here: {task['id']}")
            continue
        made.append(make_task(task, options.out / "repos" / task["id"]))
    (options.out / "tasks.json").write_text(json.dumps(made, indent=1) + "\n")
    print(f"{len(made)} tasks in {options.out}")


if __name__ == "__main__":
    main()
