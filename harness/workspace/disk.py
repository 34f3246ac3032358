"""How much of the disk a command has taken, and whether that is too much.

Looking at all its files takes long, so it is done only when the disk has lost more than the command
may take. While it runs, its folders change, and may be made to mislead whoever looks: they are
opened one from the other, so that no link leads away and no name is too long.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.files import PRIVATE_FOLDER
from harness.workspace.levels import MAX_LEVELS

# What a file costs besides its content: its inode, its name, and a list of blocks.
_BYTES_PER_FILE = 1024


class _TooDeepError(Exception):
    """More folders within each other than are looked into."""


class DiskWatch:
    """Watches one command.

    :param folders: where it may write, all on one file system.
    :param limit_bytes: what files, and there being that many of them, may occupy.
    """

    def __init__(self, folders: Sequence[Path], limit_bytes: int) -> None:
        self._folders, self._limit_bytes = folders, limit_bytes
        self._free = self._left()

    def reason(self, processes: Callable[[], Iterable[int]]) -> str:
        """Tell why a command has to end; empty: it need not.

        :param processes: the ids of all its processes.
        """
        now = self._left()
        taken = [before - left for before, left in zip(self._free, now, strict=True)]
        if taken[0] <= self._limit_bytes and taken[1] * _BYTES_PER_FILE <= self._limit_bytes:
            return ""
        nameless = _unlinked_bytes(processes(), self._folders[0].stat().st_dev)
        try:
            occupied = sum(map(occupied_bytes, self._folders))
        except _TooDeepError:
            return f"more than {MAX_LEVELS} folders within each other"
        if occupied + nameless > self._limit_bytes:
            return f"more than {self._limit_bytes} bytes written to the disk"
        self._free = now  # somebody else took it
        return ""

    def _left(self) -> tuple[int, int]:
        """Return the free bytes and the free inodes of the file system; btrfs counts none."""
        found = os.statvfs(self._folders[0])
        return found.f_bavail * found.f_frsize, found.f_favail


def occupied_bytes(folder: Path) -> int:
    """Return how much the files below a folder occupy on the disk, those in locked folders as well.

    :raises _TooDeepError: there are more folders within each other than that.
    """
    above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _inside(folder.name, above, MAX_LEVELS)
    finally:
        os.close(above)


def _inside(name: str, above: int, levels_left: int) -> int:
    """Count what is in a folder, even in one that its owner has locked; it is locked again then.

    :raises OSError: it cannot be opened, or is none any more.
    """
    place, locked = _opened(name, above)
    try:
        return _occupied(place, levels_left)
    finally:
        if locked is not None:
            os.fchmod(place, locked)
        os.close(place)


def _occupied(folder: int, levels_left: int) -> int:
    total = 0
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        with contextlib.suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            total += status.st_blocks * 512 + _BYTES_PER_FILE
            if stat.S_ISDIR(status.st_mode):
                if levels_left == 0:
                    raise _TooDeepError
                total += _inside(entry.name, folder, levels_left - 1)
    return total


def _opened(name: str, above: int) -> tuple[int, int | None]:
    """Return a folder's descriptor, and its mode if that had to be changed for it."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        place = os.open(name, os.O_RDONLY | flags, dir_fd=above)
    except PermissionError:
        if not hasattr(os, "O_PATH"):
            raise
    else:
        mode = stat.S_IMODE(os.fstat(place).st_mode)
        if mode & stat.S_IXUSR:
            return place, None
        os.fchmod(place, mode | PRIVATE_FOLDER)
        return place, mode
    named = os.open(name, os.O_PATH | flags, dir_fd=above)
    try:
        # By its descriptor: the name may be a link by now.
        here = Path(f"/proc/self/fd/{named}")
        mode = stat.S_IMODE(os.fstat(named).st_mode)
        here.chmod(mode | PRIVATE_FOLDER)
        return os.open(here, os.O_RDONLY | os.O_DIRECTORY), mode
    finally:
        os.close(named)


def _unlinked_bytes(pids: Iterable[int], device: int) -> int:
    """Return how much files occupy that have no name any more, but that processes hold.

    :param device: the file system's (``st_dev``).
    """
    where = f"{os.major(device):02x}:{os.minor(device):02x}"
    open_files: dict[int, int] = {}
    mapped: dict[int, dict[str, int]] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    if status.st_nlink == 0 and status.st_dev == device:
                        open_files[status.st_ino] = status.st_blocks * 512
        with contextlib.suppress(OSError):
            # proc_pid_maps(5): range, rights, offset, device, inode, path.
            for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines():
                fields = line.decode(errors="replace").split(maxsplit=5)
                if fields[3] == where and fields[-1].endswith(" (deleted)"):
                    first, last = (int(part, 16) for part in fields[0].split("-"))
                    mapped.setdefault(int(fields[4]), {})[fields[2]] = last - first
    hidden = (sum(parts.values()) for inode, parts in mapped.items() if inode not in open_files)
    return sum(open_files.values()) + sum(hidden)
