"""What a walk of a git work tree has seen, and whether it would see the same again.

A repository of 100,000 files takes seconds to list and judge. Whether anything has changed since
takes one ``lstat`` each, the identity of git's index and the names that git does not track: nothing
else decides what a walk lists.
"""

from __future__ import annotations

import hashlib
import os
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from harness.repository.git import run_git
from harness.repository.tracked import GIT_TIMEOUT_SECONDS, untracked_names
from harness.types import Seen

# A file changed this short a time ago may change again within the same tick of the file system's
# clock, unseen.
_RACY_NS = 2_000_000_000
# At the end of git's index: the hash of all before it.
_CHECKSUM_BYTES = 20
_GONE = (-1, 0, 0)


def look(
    root: Path,
    git_index: str,
    untracked: Sequence[str],
    paths: Iterable[str],
    known: Mapping[str, tuple[int, int, int]] = MappingProxyType({}),
) -> Seen | None:
    """Note what a walk has seen; None where it could not be told later.

    :param git_index: its identity from before the walk, see :func:`index_identity`.
    :param untracked: what git does not track, as it was listed.
    :param paths: files and folders whose size or times decide what is listed or read.
    :param known: size, time of modification and time of change of those that the walk has looked at
        already.
    """
    looked_at = tuple(sorted(set(paths)))
    stats = _stats(root, looked_at, known)
    newest = max((max(stats[i], stats[i + 1]) for i in range(1, len(stats), 3)), default=0)
    if not git_index or newest >= time.time_ns() - _RACY_NS:
        return None
    return Seen(git_index, _digest(untracked), looked_at, stats.tobytes())


def is_as_seen(root: Path, seen: Seen) -> bool:
    """Whether a walk would list the same files, none of them changed. Reads no file's content."""
    if index_identity(root) != seen.git_index:
        return False
    if _stats(root, seen.paths).tobytes() != seen.stats:
        return False
    found = untracked_names(root)
    return not found.unreadable_folders and _digest(found.names) == seen.untracked


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


def _digest(names: Sequence[str]) -> str:
    joined = "\0".join(sorted(names))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()
