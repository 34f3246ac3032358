"""Files that become git's blobs, where git cannot write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import GitError
from harness.repository import blobs
from harness.repository.blobs import store_files
from tests.repositories import make_repository


def test_a_full_disk_is_said_once_and_no_file_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise git is asked about each half, down to each file, and the patch lacks them all."""
    root = make_repository(tmp_path / "r", {f"{number}.py": "old\n" for number in range(40)})
    for number in range(40):
        (root / f"{number}.py").write_text(f"new {number}\n")
    for number in range(256):
        # In the place of each folder of objects: git cannot write, as root neither.
        folder = root / ".git" / "objects" / f"{number:02x}"
        if not folder.exists():
            folder.touch()
    asked: list[str] = []
    run = blobs.run_git

    def counted(args: list[str], *more: object, **options: object) -> object:
        asked.append(args[0])
        return run(args, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(blobs, "run_git", counted)
    with pytest.raises(GitError, match="check the disk's space"):
        store_files(root, [f"{number}.py" for number in range(40)], root / ".git")
    assert asked == ["hash-object"]
