"""Git's index as ``git ls-files`` lists it: the names at once, the entries of a few files when they
are asked for. To read all entries of 100,000 files takes longer than everything else about them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.repository.git import run_git
from harness.repository.tracked import (
    GIT_TIMEOUT_SECONDS,
    SUBMODULE_MODE,
    Tracked,
    index_mtime_ns,
    parse_index,
)

# The last field of what ``--debug`` adds to an entry, on a line of its own after the name.
_LAST_FIELD = b"flags: "
# "100644 <hash> 0", with SHA-1 or SHA-256.
_HEAD_LENGTHS = frozenset({49, 73})
_MODE_LENGTH = len("100644 ")
_STAGE_LENGTH = len(" 0")


@dataclass(frozen=True, slots=True)
class IndexListing:
    """``submodules`` says of each path, relative to the folder, whether it is a submodule, and
    ``blobs`` which id it has, in git's order."""

    submodules: dict[str, bool]
    blobs: dict[str, str]
    _entries: Mapping[str, bytes]
    _mtime_ns: int

    def entries(self, paths: Iterable[str]) -> dict[str, Tracked] | None:
        """The entries of some of these paths; None when their form is not known."""
        wanted = b"".join(self._entries[path] for path in paths)
        return parse_index(wanted, self._mtime_ns)


def list_index(root: Path) -> IndexListing | None:
    """List what git tracks below a folder; None when the form of git's answer is not known.

    :raises GitError: git failed.
    """
    mtime_ns = index_mtime_ns(root)  # first, as in tracked.git_files
    listing = run_git(["ls-files", "-s", "--debug", "-z"], root, GIT_TIMEOUT_SECONDS).stdout
    submodules: dict[str, bool] = {}
    blobs: dict[str, str] = {}
    entries: dict[str, bytes] = {}
    pieces = listing.split(b"\0")
    rest = pieces[0]
    for piece in pieces[1:]:
        head, _, name = rest.partition(b"\t")
        if len(head) not in _HEAD_LENGTHS:
            return None
        # What follows a name belongs to it, up to the end of a line; then comes the next entry.
        debug, sign, after = piece.partition(_LAST_FIELD)
        flags, end, following = after.partition(b"\n")
        if not sign or not end:
            return None
        path = os.fsdecode(name)
        submodules[path] = head.startswith(SUBMODULE_MODE)
        blobs[path] = head[_MODE_LENGTH:-_STAGE_LENGTH].decode("ascii")
        entry = rest + b"\0" + debug + sign + flags + end
        entries[path] = entries.get(path, b"") + entry  # a conflict has several
        rest = following
    return IndexListing(submodules, blobs, entries, mtime_ns) if not rest else None
