"""What a walk of a git work tree has seen, and whether it would see the same again.

A repository of 100,000 files takes seconds to list and judge. Whether anything has changed since
takes one ``lstat`` each, the identity of git's index and the names that git does not track: nothing
else decides what a walk lists. What has changed is judged by :mod:`harness.repository.rewalk`.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from types import MappingProxyType

import numpy as np

from harness.repository.git import run_git
from harness.repository.git_index import IndexListing, list_index
from harness.repository.tracked import GIT_TIMEOUT_SECONDS
from harness.repository.untracked import untracked_files
from harness.types import Seen

# A file changed this short a time ago may change again within the same tick of the file system's
# clock, unseen.
_RACY_NS = 2_000_000_000
# At the end of git's index: the hash of all before it.
_CHECKSUM_BYTES = 20
_GONE = (-1, 0, 0)
_NUMBERS = 3

TRACKED, UNTRACKED, SUBMODULE, LISTED = 1, 2, 4, 8
"""Bits of a path's kind; 0 is a folder or a file of rules that git does not list."""


@dataclass(frozen=True, slots=True)
class SeenAgain:
    """A work tree as it is, beside what a walk saw of it.

    ``moved`` are the paths whose size or times are others, or their blob in git's index; ``stats``
    are those of ``seen.paths``. ``tracked`` says of each path of git's index whether it is a
    submodule; ``index`` is None where git's index is the same. ``untracked`` is what git neither
    tracks nor ignores.
    """

    git_index: str
    stats: bytes
    moved: frozenset[str]
    tracked: Mapping[str, bool]
    untracked: tuple[str, ...]
    index: IndexListing | None
    is_same: bool


def look(
    root: Path,
    git_index: str,
    kinds: Mapping[str, int],
    blobs: Mapping[str, str],
    paths: Iterable[str],
    known: Mapping[str, tuple[int, int, int]] = MappingProxyType({}),
) -> Seen | None:
    """Note what a walk has seen; None where it could not be told later.

    :param git_index: its identity from before the walk, see :func:`index_identity`.
    :param kinds: of the paths that are not 0.
    :param blobs: what is tracked, by its id.
    :param paths: files and folders whose size or times decide what is listed or read.
    :param known: size, time of modification and time of change of those that the walk has looked at
        already.
    """
    looked_at = tuple(sorted(set(paths)))
    stats = _stats(root, looked_at, known)
    newest = int(_rows(stats.tobytes())[:, 1:].max(initial=0))
    if not git_index or newest >= time.time_ns() - _RACY_NS:
        return None
    return Seen(
        git_index,
        looked_at,
        stats.tobytes(),
        bytes(kinds.get(path, 0) for path in looked_at),
        "".join(blobs[path] for path in looked_at if path in blobs),
    )


def look_again(root: Path, seen: Seen) -> SeenAgain | None:
    """Compare a work tree with what a walk saw of it. Reads no file's content.

    :returns: None where it cannot be told.
    :raises GitError: git failed.
    :raises TransientError: it took too long.
    """
    git_index = index_identity(root)
    stats = _stats(root, seen.paths).tobytes()
    kinds = np.frombuffer(seen.kinds, np.uint8)
    if len(kinds) != len(seen.paths) or len(stats) != len(seen.stats):
        return None
    changed = _rows(stats) != _rows(seen.stats)
    moved = frozenset(compress(seen.paths, changed.any(axis=1).tolist()))
    names = list(compress(seen.paths, (kinds & TRACKED).tolist()))
    if git_index == seen.git_index:
        index = None
        submodules = (kinds[(kinds & TRACKED) > 0] & SUBMODULE) > 0
        tracked = dict(zip(names, submodules.tolist(), strict=True))
    else:
        index = list_index(root)
        if index is None:
            return None
        tracked = index.submodules
        moved = moved.union(_of_other_blobs(seen, names, index.blobs))
    found = untracked_files(root, tracked)
    if not git_index or found.unreadable_folders:
        return None
    before = tuple(compress(seen.paths, (kinds & UNTRACKED).tolist()))
    is_same = git_index == seen.git_index and not moved and found.names == before
    return SeenAgain(git_index, stats, moved, tracked, found.names, index, is_same)


def _of_other_blobs(seen: Seen, names: Sequence[str], blobs: Mapping[str, str]) -> Iterator[str]:
    length = len(seen.blobs) // max(1, len(names))
    for at, name in enumerate(names):
        now = blobs.get(name)
        if now is not None and seen.blobs[at * length : (at + 1) * length] != now:
            yield name


def index_identity(root: Path) -> str:
    """Identity of the content of git's index; empty where there is none that can be told."""
    output = run_git(["rev-parse", "--git-path", "index"], root, GIT_TIMEOUT_SECONDS)
    try:
        with (root / os.fsdecode(output.stdout.removesuffix(b"\n"))).open("rb") as file:
            status = os.fstat(file.fileno())
            file.seek(-_CHECKSUM_BYTES, os.SEEK_END)
            checksum = file.read()
    except OSError:
        return ""
    if not any(checksum):  # git is told not to compute it
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {checksum.hex()}"


def _stats(
    root: Path,
    paths: Sequence[str],
    known: Mapping[str, tuple[int, int, int]] = MappingProxyType({}),
) -> array[int]:
    found = array("q")
    base = f"{root}/"
    lstat = os.lstat
    for path in paths:
        seen = known.get(path)
        if seen is not None:
            found.extend(seen)
            continue
        try:
            status = lstat(base + path)
        except OSError:
            found.extend(_GONE)
        else:
            found.extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return found


def _rows(stats: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """``(n, 3)``: size and times of each path."""
    return np.frombuffer(stats, np.int64).reshape(-1, _NUMBERS)
