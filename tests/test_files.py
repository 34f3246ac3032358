"""Private, durable, atomic files: what a crash, a link and other users cannot do."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.files import (
    append_lines,
    new_private,
    open_private,
    open_regular,
    private_folder,
    sync,
    write_atomically,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def make(path: Path) -> None:
    with new_private(path) as file:
        file.write(b"x")


def empty(path: Path) -> None:
    with open_private(path) as file:
        file.write(b"x")


WRITERS = pytest.mark.parametrize(
    "write",
    [
        pytest.param(make, id="new_private"),
        pytest.param(empty, id="open_private"),
        pytest.param(lambda path: append_lines(path, ["x"]), id="append_lines"),
        pytest.param(lambda path: write_atomically(path, "x"), id="write_atomically"),
    ],
)


@pytest.fixture
def no_umask() -> Iterator[None]:
    """What the process's umask would hide."""
    before = os.umask(0)
    yield
    os.umask(before)


class Syncs(list[str]):
    """Names of what was brought onto the disk, in order; a rename shows as ``old -> new``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fsync, replace = os.fsync, Path.replace

        def note(descriptor: int) -> None:
            fsync(descriptor)
            self.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

        def rename(old: Path, new: Path) -> Path:
            self.append(f"{old.name} -> {new.name}")
            return replace(old, new)

        monkeypatch.setattr(os, "fsync", note)
        monkeypatch.setattr(Path, "replace", rename)
        monkeypatch.setattr(os, "urandom", bytes)


# Private


@WRITERS
@pytest.mark.usefixtures("no_umask")
def test_files_are_private(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "f")
    assert mode(tmp_path / "f") == 0o600


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("append", [True, False], ids=["append", "empty"])
def test_an_open_file_becomes_private(tmp_path: Path, append: bool) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    assert mode(path) == 0o666
    open_private(path, append=append).close()
    assert mode(path) == 0o600
    assert path.read_text() == ("old" if append else "")


@pytest.mark.usefixtures("no_umask")
def test_folders_are_private_and_so_are_missing_ones_above(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "share" / "harness")
    assert mode(folder) == 0o700
    assert mode(folder.parent) == 0o700
    private_folder(folder)
    with pytest.raises(FileExistsError):
        private_folder(folder, new=True)
    with pytest.raises(FileNotFoundError):
        private_folder(tmp_path / "none" / "new", new=True)


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize(
    ("permissions", "expected"),
    [(None, 0o666), (0o755, 0o755), (0o4711, 0o4711), (0o444, 0o444)],
    ids=["umask", "exact", "set-user-id", "read-only"],
)
def test_permissions_that_a_caller_keeps(
    tmp_path: Path, permissions: int | None, expected: int
) -> None:
    write_atomically(tmp_path / "f", b"x", permissions=permissions)
    assert mode(tmp_path / "f") == expected


# Links, pipes


@WRITERS
@pytest.mark.parametrize("target_exists", [True, False], ids=["file", "nothing"])
def test_nothing_is_written_through_a_link(
    tmp_path: Path, write: Callable[[Path], None], target_exists: bool
) -> None:
    precious = tmp_path / "precious"
    if target_exists:
        precious.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(precious)
    try:
        write(link)
    except OSError as error:
        assert error.errno in (errno.ELOOP, errno.EEXIST)
        assert link.is_symlink()
    else:
        assert not link.is_symlink()  # replaced by a file of its own
    assert precious.exists() is target_exists
    assert not target_exists or precious.read_text() == "precious"


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "link").symlink_to("f")
    os.mkfifo(tmp_path / "pipe")
    assert open_regular(tmp_path) is None
    assert open_regular(tmp_path / "pipe") is None
    with pytest.raises(OSError, match="symbolic links"):
        open_regular(tmp_path / "link")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        file = open_regular("f", dir_fd=folder)
    finally:
        os.close(folder)
    assert file is not None
    with file:
        assert file.read() == b"x"


def test_a_new_file_is_new(tmp_path: Path) -> None:
    make(tmp_path / "f")
    with pytest.raises(FileExistsError):
        make(tmp_path / "f")


# Durable


def test_a_replaced_file_is_on_the_disk_before_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = Syncs(monkeypatch)
    write_atomically(tmp_path / "f", "x", durable=True)
    temporary = f".f.{'00' * 6}.new"
    assert syncs == [temporary, f"{temporary} -> f", tmp_path.name]
    syncs.clear()
    write_atomically(tmp_path / "f", "x")
    assert syncs == [f"{temporary} -> f"]


def test_appended_lines_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(monkeypatch)
    size = append_lines(tmp_path / "f", ["a", "b"])
    assert syncs == ["f", tmp_path.name]  # the folder as well: the name is new
    syncs.clear()
    assert append_lines(tmp_path / "f", ["c"]) == size + 3 == (tmp_path / "f").stat().st_size
    assert syncs == ["f"]


def test_a_new_file_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(monkeypatch)
    make(tmp_path / "f")
    with new_private(tmp_path / "g", durable=False):
        pass
    assert syncs == ["f"]
    sync(tmp_path)
    assert syncs == ["f", tmp_path.name]


def test_half_a_line_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    append_lines(path, ["one"])
    with path.open("a") as file:
        file.write("hal")
    append_lines(path, ["two"])
    assert path.read_text().split("\n") == ["", "one", "hal", "two", ""]


# Atomic

KILLED = """
import os, signal, sys
from pathlib import Path
from harness import files

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "before":
    Path.replace = die
else:
    files.sync = die
files.write_atomically(Path(sys.argv[2]), "new" * 100_000, durable=True)
"""


@pytest.mark.parametrize(("moment", "expected"), [("before", "old"), ("after", "new" * 100_000)])
def test_a_killed_writer_leaves_the_old_or_the_new(
    tmp_path: Path, moment: str, expected: str
) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, moment, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == expected
    write_atomically(path, "again")
    assert path.read_text() == "again"


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "f"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new", durable=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_several_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "f"
    texts = [letter * 200_000 for letter in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        for text in texts * 10:
            pool.submit(write_atomically, path, text)
        while not path.exists():
            pass
        for _ in range(50):
            assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_text_keeps_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 120)  # 240 bytes of the 255 that a name may have
    write_atomically(path, b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape"))
    assert path.read_bytes() == b"caf\xe9 \xc3\xa9"
