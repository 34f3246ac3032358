"""A walk of a git work tree that judges only what has changed since the last one.

Git and ``lstat`` say which files differ (:mod:`harness.repository.seen`), and only these are
judged, by the same rules. What a judgement of the others could depend on is compared: files of
rules, folders that hold what git does not track, and the verdict on each folder. Where any of it
differs, or anything is unusual, nothing is said, and everything has to be walked. So the result is
that of a full walk, which tests compare it with.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

from harness.patterns import folders_above
from harness.repository.attributes import ATTRIBUTES
from harness.repository.folder_signs import TrackedTree
from harness.repository.git_rules import GIT_IGNORE
from harness.repository.seen import LISTED, SUBMODULE, TRACKED, UNTRACKED, SeenAgain, look
from harness.repository.selection import HARNESS_IGNORE, Selection
from harness.repository.tracked import Tracked, filtered
from harness.repository.walk import (
    Limits,
    add_harnessignore,
    consider_listed,
    looked_at_besides,
    selection_of,
)
from harness.text import encodable
from harness.types import Seen, SourceFile

# With more than this share of the files changed, a full walk takes no longer.
_MOST_CHANGED = 0.25
_RULES = frozenset({GIT_IGNORE, ATTRIBUTES, HARNESS_IGNORE})


@dataclass(frozen=True, slots=True)
class Rewalked:
    """What differs from the walk before.

    ``files`` are those to index among what was judged again, sorted by path, and ``were_files`` the
    paths that the walk before listed and that are no longer listed, or were judged again.
    ``skipped`` has everything that is left out by its name, as ``seen.skipped``; ``files_listed``
    counts all files. ``seen`` is None where the next walk could not rely on it.
    """

    files: tuple[SourceFile, ...]
    were_files: frozenset[str]
    files_listed: int
    skipped: tuple[tuple[str, str], ...]
    seen: Seen | None


def rewalk(root: Path, seen: Seen, now: SeenAgain, limits: Limits) -> Rewalked | None:
    """Judge what has changed in a work tree.

    :param root: its top folder, without links in its path.
    :param seen: by a walk with the same limits.
    :param now: what :func:`harness.repository.seen.look_again` said of it.
    :returns: None where a full walk is needed.
    :raises GitError: git failed.
    """
    kinds = {path: kind for path, kind in zip(seen.paths, seen.kinds, strict=True) if kind}
    untracked = frozenset(now.untracked)
    tracked_before = {path for path, kind in kinds.items() if kind & TRACKED}
    untracked_before = {path for path, kind in kinds.items() if kind & UNTRACKED}
    other_tracked = tracked_before ^ now.tracked.keys()
    listed_anew = other_tracked | (untracked_before ^ untracked)
    touched = now.moved | listed_anew
    if len(touched) > _MOST_CHANGED * len(kinds):
        return None
    if any(_is_unusual(path, kinds, now.tracked, listed_anew) for path in touched):
        return None

    selection = selection_of(root, limits, in_git=True)
    selection.tracked = TrackedTree(frozenset(now.tracked))
    add_harnessignore(selection, (*now.tracked, *untracked))
    if selection.harnessignore.negates or not _same_folders(selection, seen, now, listed_anew):
        return None
    present = {path for path in touched if path in now.tracked or path in untracked}
    entries = _entries(root, now, [path for path in sorted(present) if path in now.tracked])
    if entries is None:
        return None
    for path in sorted(present):
        consider_listed(selection, path, entries.get(path))

    were_files = frozenset(path for path in touched if kinds.get(path, 0) & LISTED)
    files = tuple(sorted(selection.files, key=lambda file: file.path))
    skipped = {path: reason for path, reason in seen.skipped if path not in touched}
    skipped |= {path: str(skip.reason) for path, skip in selection.skipped.items()}
    after = dict.fromkeys(now.tracked, TRACKED)
    after |= {path: after[path] | SUBMODULE for path, is_one in now.tracked.items() if is_one}
    after |= {path: after.get(path, 0) | UNTRACKED for path in untracked}
    still = (path for path, kind in kinds.items() if kind & LISTED and path not in touched)
    listed = {*still, *(file.path for file in files)}
    after |= {path: after[path] | LISTED for path in listed}
    left_out = tuple(sorted(skipped.items()))
    return Rewalked(
        files=files,
        were_files=were_files,
        files_listed=len(listed),
        skipped=left_out,
        seen=_look(root, seen, now, selection, after, left_out),
    )


def _is_unusual(
    path: str, kinds: Mapping[str, int], tracked: Mapping[str, bool], listed_anew: Set[str]
) -> bool:
    """Whether a path that has changed may decide on others, or is no file of its own."""
    name = path.rpartition("/")[2].lower()
    return (
        (path not in kinds and path not in listed_anew)  # a folder, or rules that git does not list
        or name in _RULES
        or not name  # a repository inside this one
        or bool(kinds.get(path, 0) & SUBMODULE)
        or tracked.get(path, False)
        or ".." in path
        or ".git/" in path
        or encodable(path) != path
    )


def _same_folders(selection: Selection, seen: Seen, now: SeenAgain, listed_anew: Set[str]) -> bool:
    """Judge every folder again; whether the verdicts are those of before, and none that is left out
    has gained or lost a name."""
    # Those of repositories inside this one are not judged by a walk either.
    files = [path for path, is_submodule in now.tracked.items() if not is_submodule]
    others = [path for path in now.untracked if not path.endswith("/")]
    for is_tracked, paths in ((True, files), (False, others)):
        for folder in {path.rpartition("/")[0] for path in paths}:
            if folder:
                selection.judge_folder(folder, is_tracked)
    if selection.left_out_folders() != seen.folders:
        return False
    out = {folder for folder, *_ in seen.folders}
    return not any(folder in out for path in listed_anew for folder in folders_above(path))


def _entries(root: Path, now: SeenAgain, paths: list[str]) -> dict[str, Tracked] | None:
    """What git's index says of the content of some files; nothing where it is as it was, since they
    have changed after it. None: that cannot be told."""
    if now.index is None:
        return {}
    entries = now.index.entries(paths)
    if entries is None or entries.keys() != set(paths):
        return None
    for path in filtered(root, "", paths, (*now.tracked, *now.untracked)):
        entries[path] = replace(entries[path], ctime_ns=0, mtime_ns=0, size_bytes=0)
    return entries


def _look(
    root: Path,
    seen: Seen,
    now: SeenAgain,
    selection: Selection,
    kinds: Mapping[str, int],
    skipped: tuple[tuple[str, str], ...],
) -> Seen | None:
    known = dict(zip(seen.paths, struct.iter_unpack("3q", now.stats), strict=True))
    known |= selection.looked_at
    paths = {*kinds, *looked_at_besides(now.untracked)}
    blobs = {} if now.index is None else now.index.blobs
    found = look(root, now.git_index, kinds, blobs, paths, known)
    if found is not None and now.index is None:  # the same files are tracked
        found = replace(found, blobs=seen.blobs)
    return found and replace(found, skipped=skipped, folders=seen.folders)
