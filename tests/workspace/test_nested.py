"""Repositories that a command leaves in the copy: git must never ask them anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.errors import PolicyError
from harness.workspace import nested
from harness.workspace.copies import Workspace, create_workspace


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.txt").write_text("a\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return create_workspace(root, tmp_path / "state")


def hostile_repository(folder: Path, mark: Path) -> Path:
    """A repository whose clean filter leaves a mark; its file is changed, so git would ask it.

    :returns: its git directory.
    """
    folder.mkdir()
    (folder / "f.txt").write_text("one\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")
    (folder / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    git(folder, "config", "filter.evil.clean", f"touch {mark}; cat")
    (folder / "f.txt").write_text("two\n")
    os.utime(folder / "f.txt", (1, 1))
    return folder / ".git"


def as_folder(space: Workspace, mark: Path) -> None:
    hostile_repository(space.root / "sub", mark)


def as_link(space: Workspace, mark: Path) -> None:
    git_dir = hostile_repository(space.root / "sub", mark)
    shutil.move(git_dir, space.scratch / "hidden")
    git_dir.symlink_to(space.scratch / "hidden")


def as_file(space: Workspace, mark: Path) -> None:
    git_dir = hostile_repository(space.root / "sub", mark)
    shutil.move(git_dir, space.scratch / "hidden")
    git_dir.write_text(f"gitdir: {space.scratch / 'hidden'}\n")


def in_locked_folders(space: Workspace, mark: Path) -> None:
    git_dir = hostile_repository(space.root / "sub", mark)
    for folder in (git_dir / "objects", git_dir, git_dir.parent):
        folder.chmod(0o500)


@pytest.mark.parametrize("plant", [as_folder, as_link, as_file, in_locked_folders])
def test_no_form_of_it_is_asked(space: Workspace, tmp_path: Path, plant: object) -> None:
    mark = tmp_path / "ran"
    plant(space, mark)  # type: ignore[operator]
    first = space.snapshot()
    (space.root / "sub" / "f.txt").write_text("three\n")
    patch = space.diff(space.base, space.snapshot())
    assert not mark.exists()
    assert "+three" in patch, "its files are ordinary files of the copy"
    assert "Subproject" not in patch
    assert first != space.base


def test_what_cannot_be_removed_ends_the_reading(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "ran"
    as_folder(space, mark)

    def refuse(path: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(nested, "_remove", refuse)
    with pytest.raises(PolicyError, match="cannot be removed"):
        space.snapshot()
    assert not mark.exists()


def test_what_claims_to_be_removed_and_stays_ends_the_reading(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_folder(space, tmp_path / "ran")
    monkeypatch.setattr(nested, "_remove", lambda path: None)
    with pytest.raises(PolicyError, match="still there"):
        space.snapshot()


def test_the_repository_of_the_copy_itself_stays(space: Workspace) -> None:
    space.snapshot()
    assert (space.root / ".git").is_dir()
