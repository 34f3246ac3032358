"""Disks that are full, without inodes or with a limit on files, and too little memory: an error of
the tree or a right result, and the index goes on where it was."""

from __future__ import annotations

import os
import random
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.errors import HarnessError, StoreError
from tests.faults import victims
from tests.faults.children import OutsideTreeError, call
from tests.faults.oracle import fresh, judge_interrupted, judge_whole
from tests.faults.rounds import rounds
from tests.faults.trees import Tree
from tests.faults.victims import Contents

MB = 1_000_000


class Bench:
    """An index, and its tree, which has changed since."""

    def __init__(self, folder: Path, data: Path, seed: int) -> None:
        self.tree = Tree.make(folder / "tree", seed=seed)
        self.data, self._folder = data, folder
        call(victims.index, data, self.tree.root)
        self.old: Contents = call(victims.look, data)
        self._number = 0
        self.change()

    def change(self) -> None:
        self._number += 1
        self.changed = self.tree.change()
        self.new = fresh(self.tree.root, self._folder / f"fresh-{self._number}")

    def judge(self) -> None:
        """After a run that may have failed."""
        judge_interrupted(call(victims.look, self.data), self.old, self.new, self.changed)

    def end(self) -> None:
        """Without the limit the next run does it all."""
        report = call(victims.index, self.data, self.tree.root)
        assert not report.files_failed, report.failures
        self.old = call(victims.look, self.data)
        judge_whole(self.old, self.new)
        self.change()


def _limited(bench: Bench, what: int, limit: int) -> bool:
    """Index below a limit; whether that was too little, and said so."""
    try:
        report = call(victims.index_within, bench.data, bench.tree.root, {what: limit})
    except HarnessError as error:
        assert str(error)
        return True
    assert all(why for _, why in report.failures)
    return bool(report.files_failed)


@pytest.mark.parametrize("times", rounds(1))
def test_a_limit_on_the_size_of_files(tmp_path: Path, times: int) -> None:
    """As a quota, or a file system that has none larger."""
    chance = random.Random(times)
    bench = Bench(tmp_path, tmp_path / "data", seed=times)
    failed = 0
    for number in range(times):
        # The first one is too low for any index.
        limit = int(10 ** chance.uniform(3, 7 if number else 4))
        failed += _limited(bench, resource.RLIMIT_FSIZE, limit)
        bench.judge()
        bench.end()
    assert failed, "no limit was too low"


@pytest.mark.parametrize("times", rounds(1))
def test_a_limit_on_memory(tmp_path: Path, times: int) -> None:
    """``ulimit -v``. Where the engine ends its process, the index is none the worse."""
    chance = random.Random(times)
    bench = Bench(tmp_path, tmp_path / "data", seed=times)
    died = failed = 0
    for _ in range(times):
        try:
            failed += _limited(bench, resource.RLIMIT_AS, chance.randint(300 * MB, 1_500 * MB))
        except OutsideTreeError as error:
            assert "died" in str(error) or "MemoryError" in str(error), error
            died += 1
        bench.judge()
        bench.end()
    assert died + failed, "no limit was too low"
    assert died <= times // 10, f"{died} of {times} ended without a word"


@contextmanager
def _small_disk(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
@pytest.mark.parametrize("times", rounds(1))
def test_a_full_disk(tmp_path: Path, times: int) -> None:
    chance = random.Random(times)
    with _small_disk(tmp_path / "disk", "size=1g") as disk:
        bench = Bench(tmp_path, disk / "data", seed=times)
        filler = disk / "filler"
        failed = 0
        for number in range(times):
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            left = 0 if number == 0 else chance.randint(0, 300 * MB)
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, free - left))
            try:
                failed += bool(call(victims.index, bench.data, bench.tree.root).files_failed)
            except HarnessError:
                failed += 1
            # Without one free block SQLite cannot even read, and says so.
            with suppress(StoreError):
                bench.judge()
            filler.unlink()
            bench.judge()
            bench.end()
        assert failed, "the disk was never full"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
@pytest.mark.parametrize("times", rounds(0))
def test_a_disk_without_inodes(tmp_path: Path, times: int) -> None:
    with _small_disk(tmp_path / "disk", "size=1g,nr_inodes=2000") as disk:
        bench = Bench(tmp_path, disk / "data", seed=times)
        fill = disk / "fill"
        for _ in range(times):
            fill.mkdir()
            number = 0
            while True:
                try:
                    (fill / str(number)).touch()
                except OSError:
                    break
                number += 1
            try:
                call(victims.index, bench.data, bench.tree.root)
            except HarnessError as error:
                assert str(error)
            for path in fill.iterdir():
                path.unlink()
            fill.rmdir()
            bench.judge()
            bench.end()
