"""A repository of a few kilobytes whose files fill a memory or a disk is refused before any is
written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.repository import extent
from harness.repository.checkout import resolve_source
from harness.repository.extent import Extent, extent_of
from harness.repository.git import run_git
from tests.repositories import IDENTITY, make_repository


def repeated(root: Path, depth: int) -> str:
    """Commit a file 10 ** depth times, as folders that are there ten times each; the commit."""
    make_repository(root, {"a.py": "a = 1\n"})

    def git(*args: str, text: str = "") -> str:
        done = run_git(args, root, 30, stdin=text.encode(), config=IDENTITY)
        return done.stdout.decode().strip()

    entry = f"100644 blob {git('rev-parse', 'HEAD:a.py')}"
    for _ in range(depth):
        tree = git("mktree", text="".join(f"{entry}\t{name}\n" for name in range(10)))
        entry = f"040000 tree {tree}"
    commit = git("commit-tree", "-m", "many", tree)
    git("update-ref", "refs/heads/main", commit)
    return commit


def check_out(source: Path, tmp_path: Path) -> Path:
    into = tmp_path / "checkout"
    data = tmp_path / "data"
    return resolve_source(source.as_uri(), into=into, data_dir=data, timeout_seconds=30).root


def test_files_are_counted_where_they_are_seen(tmp_path: Path) -> None:
    commit = repeated(tmp_path / "many", 3)
    assert extent_of(commit, tmp_path / "many", 30, "many") == Extent(1_000, 6_000)


def test_more_files_than_anybody_has_are_not_checked_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated(tmp_path / "many", 3)
    small = replace(extent._LISTING, max_output_bytes=20_000)
    monkeypatch.setattr(extent, "_LISTING", small)
    with pytest.raises(UsageError, match=r"many has more than 2 million files") as caught:
        check_out(tmp_path / "many", tmp_path)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "checkout").glob("[!.]*"))


def test_files_larger_than_the_disk_are_not_checked_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_repository(tmp_path / "large", {"a.py": "a = 1\n"})
    monkeypatch.setattr(extent, "RESERVE_BYTES", 1 << 60)
    with pytest.raises(UsageError, match=r"the files of .*large have 0\.0 GB, .* free some space"):
        check_out(source, tmp_path)
    assert not list((tmp_path / "checkout").glob("[!.]*"))
