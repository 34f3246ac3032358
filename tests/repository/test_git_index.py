"""The entries of git's index one by one are those of the whole listing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.repository import git_index
from harness.repository.git import GitOutput, run_git
from harness.repository.git_index import list_index
from harness.repository.tracked import SUBMODULE_MODE, git_files, tracked_names
from tests.repositories import make_repository

ODD = ["a.py", "tab\there.py", "line\n  size: 1\tflags: 0\nb.py", "b\udce9.py", "sub/c d.py"]


def test_entries_are_those_of_the_whole_listing(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r", dict.fromkeys(ODD, "x = 1\n"))
    head = run_git(["rev-parse", "HEAD"], root, 30).stdout.decode().strip()
    (root / "lib").mkdir()
    entry = f"{SUBMODULE_MODE.decode()},{head},lib"
    run_git(["update-index", "--add", "--cacheinfo", entry], root, 30)
    blob = run_git(["rev-parse", "HEAD:a.py"], root, 30).stdout.decode().strip()
    stages = "".join(f"100644 {blob} {stage}\tboth.py\n" for stage in (1, 2, 3))
    run_git(["update-index", "--index-info"], root, 30, stdin=stages.encode())
    listed, whole = list_index(root), git_files(root, "").tracked
    assert listed is not None
    assert listed.submodules == tracked_names(root)
    assert listed.blobs == {path: entry.content_id for path, entry in whole.items()}
    for some in (["a.py"], [ODD[2], "both.py", "lib"], list(whole), []):
        assert listed.entries(some) == {path: whole[path] for path in some}


@pytest.mark.parametrize("cut", [5, 60, 100])
def test_a_form_that_is_not_known_is_not_read(
    cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository(tmp_path / "r", {"a.py": "a\n"})
    listing = run_git(["ls-files", "-s", "--debug", "-z"], root, 30).stdout
    monkeypatch.setattr(git_index, "run_git", lambda *_: GitOutput(0, listing[:cut], ""))
    assert list_index(root) is None
