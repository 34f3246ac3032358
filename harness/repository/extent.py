"""How many files a commit has and how large they are, before one of them is written.

A repository of a few kilobytes can have a tree of more files than any disk holds, because a folder
that is there twice is stored once. Git puts them all into its index, in memory, without a limit.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import UsageError
from harness.repository.git import SEALED, TooMuchOutputError, run_git

MAX_FILES = 2_000_000
_MAX_LISTING_BYTES = 256_000_000
_LISTING = replace(SEALED, max_output_bytes=_MAX_LISTING_BYTES)
RESERVE_BYTES = 256_000_000
"""Free space that a checkout leaves."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Of a tree: its files, links to submodules among them, and their bytes as git has them."""

    files: int = 0
    size_bytes: int = 0

    def __add__(self, other: Extent) -> Extent:
        return Extent(self.files + other.files, self.size_bytes + other.size_bytes)


def extent_of(commit: str, folder: Path, timeout_seconds: float, whose: str) -> Extent:
    """Count what a commit has.

    :param folder: a repository with the commit's objects.
    :param whose: the repository, for the message.
    :raises UsageError: it has more files than anything that people work on.
    :raises GitError: git cannot read it.
    :raises TransientError: the time is up.
    """
    args = ["ls-tree", "-r", "-l", "-z", commit]
    try:
        listing = run_git(args, folder, timeout_seconds, trust=_LISTING).stdout
    except TooMuchOutputError:
        raise UsageError(_too_many(whose)) from None
    lines = listing.split(b"\0")[:-1]
    sizes = (line.partition(b"\t")[0].split()[-1] for line in lines)
    return Extent(len(lines), sum(int(size) for size in sizes if size.isdigit()))


def require_room(extent: Extent, folder: Path, whose: str) -> None:
    """Refuse to write files that are too many, or too large for the disk.

    :param folder: where they are to be.
    :param whose: the repository, for the message.
    :raises UsageError: they are.
    """
    if extent.files > MAX_FILES:
        raise UsageError(_too_many(whose))
    free = shutil.disk_usage(folder).free
    if extent.size_bytes > free - RESERVE_BYTES:
        raise UsageError(
            f"the files of {whose} have {extent.size_bytes / 1e9:.1f} GB, and {folder} has "
            f"{free / 1e9:.1f} GB left; free some space, or set HARNESS_DATA_DIR to a larger disk"
        )


def _too_many(whose: str) -> str:
    return (
        f"{whose} has more than {MAX_FILES / 1e6:g} million files, which are not checked out; "
        "index a folder that holds those you need"
    )
