"""What a copy holds of a tree as its user has it: ignore files of every kind, locked files."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.repository.walk import walk
from harness.workspace import create_workspace, list_files
from tests.repositories import make_repository


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike ``tmp_path``."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def copied(root: Path, state: Path) -> list[str]:
    space = create_workspace(root, state)
    try:
        files = (path for path in space.root.rglob("*") if path.is_file())
        names = [path.relative_to(space.root).as_posix() for path in files]
        assert space.patch() == ""
        return sorted(name for name in names if not name.startswith(".git/"))
    finally:
        space.close()


@pytest.mark.parametrize("place", ["core.excludesFile", "XDG_CONFIG_HOME", "info/exclude"])
def test_what_the_user_ignores_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x", "kept.local.yml": "tracked"})
    home = tmp_path / "home"
    (home / ".config/git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    rules = {
        "core.excludesFile": home / "rules",
        "XDG_CONFIG_HOME": home / ".config/git/ignore",
        "info/exclude": root / ".git/info/exclude",
    }[place]
    rules.parent.mkdir(exist_ok=True)
    rules.write_text("*.local.yml\n.idea/\n")
    if place == "core.excludesFile":
        (home / ".gitconfig").write_text(f"[core]\n\texcludesFile = {rules}\n")
    (root / "db.local.yml").write_text("db: internal")
    (root / ".idea").mkdir()
    (root / ".idea/w.xml").write_text("<x/>")
    (root / "new.py").write_text("x")
    indexed = [file.path for file in walk(root, max_file_bytes=100).files]
    assert indexed == ["a.py", "kept.local.yml", "new.py"]
    assert list_files(root) == indexed
    assert copied(root, tmp_path / "state") == indexed


@pytest.mark.parametrize("kind", ["git", "plain"])
def test_what_cannot_be_read_is_left_out_and_named(open_folder: Path, kind: str) -> None:
    root = open_folder / "r"
    files = {"a.py": "x", "tracked.py": "x", "in/locked/b.py": "x", "in/c.py": "x"}
    if kind == "git":
        make_repository(root, dict(files))
    for name, content in {**files, "dump.out": "x", "pg/data": "x"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "socket"))
    for name in ("tracked.py", "in/locked", "dump.out", "pg"):
        (root / name).chmod(0)
    (open_folder / "state").mkdir()
    (open_folder / "state").chmod(0o777)
    code = (
        "import os, sys; from pathlib import Path\n"
        "import harness.agent, harness.workspace.copies as copies\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "space = copies.create_workspace(Path(sys.argv[1]), Path(sys.argv[2]) / 'x')\n"
        "found = (p for p in space.root.rglob('*') if p.is_file() and '.git/' not in str(p))\n"
        "print(sorted(p.name for p in found), sorted(space.left_out), repr(space.patch()))\n"
        "space.close()\n"
    )
    command = [sys.executable, "-c", code, str(root), str(open_folder / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    for name in ("in/locked", "pg"):
        (root / name).chmod(0o755)
    assert done.returncode == 0, done.stderr
    expected = ["dump.out", "in/locked/", "pg/", "tracked.py"]
    assert done.stdout.strip() == f"['a.py', 'c.py'] {expected} ''"
    assert "cannot be read: " in done.stderr
    assert "dump.out" in done.stderr


def test_nothing_is_said_of_a_readable_tree(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "x"})
    with caplog.at_level(logging.WARNING):
        assert copied(root, tmp_path / "state") == ["a.py"]
    assert caplog.text == ""
