"""Folders within folders without end: neither the patch nor what clears up stops at them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.workspace.copies import Workspace, create_workspace
from harness.workspace.disk import DiskWatch
from harness.workspace.levels import MAX_LEVELS, remove_deep_folders
from tests.repositories import make_repository


def descend(folder: Path, name: str, levels: int) -> None:
    """Make folders within each other, a file in the last, as no path can name them."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    make_repository(tmp_path / "repo", {"a.py": "x\n"})
    return create_workspace(tmp_path / "repo", tmp_path / "state")


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        pytest.param("d", 1010, id="more than Python calls functions"),
        pytest.param("long" * 60, 40, id="longer than a path"),
    ],
)
def test_the_patch_comes_and_nothing_is_left(
    space: Workspace, name: str, levels: int, tmp_path: Path
) -> None:
    (space.root / "a.py").write_text("y\n")
    for folder in (space.root, space.scratch):
        descend(folder, name, levels)
    patch = space.patch()
    assert "+y" in patch
    assert patch.count("diff --git") == 1
    space.close()
    assert not (tmp_path / "state").exists()


def test_what_the_repository_has_stays(tmp_path: Path) -> None:
    descend(tmp_path, "d", MAX_LEVELS + 50)
    file = tmp_path.joinpath(*["d"] * (MAX_LEVELS + 50), "file")
    descend(tmp_path, "e", MAX_LEVELS + 1)
    name = str(file.relative_to(tmp_path))
    remove_deep_folders(tmp_path, tmp_path / "aside", [name])
    assert file.exists()
    assert not tmp_path.joinpath(*["e"] * (MAX_LEVELS + 1)).exists()
    assert not (tmp_path / "aside").exists()


@pytest.mark.parametrize("lost", [(1 << 60, 0), (0, 1 << 60)], ids=["bytes", "inodes"])
def test_files_that_hold_nothing_and_deep_ones_count_as_well(
    lost: tuple[int, int], tmp_path: Path
) -> None:
    """The disk has lost something, and it is looked whether to the command."""
    (tmp_path / "tree").mkdir()
    watch = DiskWatch([tmp_path / "tree"], 50_000)
    watch._free = lost
    assert watch.reason(list) == ""
    for number in range(60):
        (tmp_path / "tree" / str(number)).touch()
    watch._free = lost
    assert watch.reason(list) == "more than 50000 bytes written to the disk"
    descend(tmp_path / "tree", "d", MAX_LEVELS + 1)
    watch._free = lost
    assert "folders within each other" in watch.reason(list)
