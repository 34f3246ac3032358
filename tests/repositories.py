"""Real git repositories for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.repository.git import run_git

# Git before 2.41 is busy with it for years when it meets the name.
ENDLESS = "*a" * 12 + "b"
LONG_NAME = "a" * 60 + "x"

OLD = 1_600_000_000
IDENTITY = {"user.name": "Test", "user.email": "test@example.org"}


def make_repository(root: Path, files: dict[str, str | bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    run_git(["init", "-q", "-b", "main"], root, 30)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        # Older than git's index by more than a tick of the clock, as files usually are.
        os.utime(path, (OLD, OLD))
    run_git(["add", "-A"], root, 30)
    run_git(["commit", "-qm", "first"], root, 30, config=IDENTITY)
    return root


def commit_all(root: Path, message: str = "more") -> str:
    """Commit everything; the commit."""
    run_git(["add", "-A"], root, 30)
    run_git(["commit", "-qm", message], root, 30, config=IDENTITY)
    return run_git(["rev-parse", "HEAD"], root, 30).stdout.decode().strip()


def commit_unmatched(root: Path, *names: str) -> str:
    """Commit files as they are, without git matching any pattern; the commit."""
    for name in names:
        blob = run_git(["hash-object", "-w", "--no-filters"], root, 30, operands=[name]).stdout
        entry = f"100644,{blob.decode().strip()},{name}"
        run_git(["update-index", "--add", "--cacheinfo", entry], root, 30)
    tree = run_git(["write-tree"], root, 30).stdout.decode().strip()
    args = ["commit-tree", "-p", "HEAD", "-m", "more", tree]
    commit = run_git(args, root, 30, config=IDENTITY).stdout.decode().strip()
    run_git(["update-ref", "HEAD", commit], root, 30)
    return commit


def run_unprivileged(code: str, *args: str) -> str:
    """Run Python code as a user whom permissions bind, and return what it prints.

    Root reads everything, so modules are imported first and rights dropped then.
    """
    drop = (
        "import os, harness.repository.walk, harness.repository.content\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    )
    command = [sys.executable, "-c", drop + code, *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
