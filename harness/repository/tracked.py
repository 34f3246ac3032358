"""What git knows of a folder's files: which there are, and which are unchanged since it looked.

Everything comes from the index and from names. No content is read, so that no content filter
(a program that the repository's configuration may name) ever runs.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import GitError, UsageError
from harness.repository.attributes import ATTRIBUTES, attributes_of
from harness.repository.git import USER, Trust, git_error, run_git
from harness.repository.git_rules import is_ignored
from harness.repository.untracked import untracked_files

logger = logging.getLogger(__name__)

GIT_TIMEOUT_SECONDS = 300.0

SUBMODULE_MODE = b"160000"
# One entry of `ls-files -s --debug -z`. Git reserves the right to change the debug part: then it
# no longer matches, and files are simply read and hashed again.
_INDEX_ENTRY = re.compile(
    rb"(?P<mode>\d{6}) (?P<id>[0-9a-f]{40,64}) (?P<stage>[0-3])\t(?P<path>[^\0]+)\0"
    rb"(?:  ctime: (?P<ctime>\d+:\d+)\n  mtime: (?P<mtime>\d+:\d+)\n  dev: \d+\tino: \d+\n"
    rb"  uid: \d+\tgid: \d+\n  size: (?P<size>\d+)\tflags: [0-9a-f]+\n)?"
)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class Tracked:
    """An entry of git's index: times in nanoseconds, 0 when unknown."""

    mode: bytes
    content_id: str
    ctime_ns: int
    mtime_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class GitFiles:
    """Paths relative to the folder asked about. ``untracked`` holds what git does not ignore,
    a repository inside this one with a trailing slash."""

    tracked: dict[str, Tracked]
    untracked: tuple[str, ...]
    unreadable_folders: tuple[str, ...]


def git_prefix(root: Path) -> str | None:
    """Path of a folder inside its git work tree, ending in ``/``; empty at the top.

    :param root: an existing folder.
    :returns: None where git has no say: outside a work tree, or in a folder that git ignores.
    :raises UsageError: a bare repository, or the inside of a ``.git`` folder.
    :raises GitError: git is missing or refuses the repository.
    """
    looks_bare = all((root / name).exists() for name in ("HEAD", "objects", "refs"))
    if not looks_bare and not any(
        os.path.lexists(folder / ".git") for folder in (root, *root.parents)
    ):
        return None
    args = ["rev-parse", "--is-bare-repository", "--is-inside-git-dir", "--is-inside-work-tree"]
    output = run_git([*args, "--show-prefix"], root, GIT_TIMEOUT_SECONDS, check=False)
    if output.returncode != 0:
        if "not a git repository" in output.stderr:
            logger.warning("%s has a .git that git does not accept; read as a plain folder", root)
            return None
        raise git_error("rev-parse", output)
    bare, in_git_dir, in_work_tree, prefix = os.fsdecode(output.stdout).split("\n", 3)
    if bare == "true":
        raise UsageError(
            f"{root} is a bare repository and holds no files to read; "
            f"index a clone of it: harness index file://{root}"
        )
    if in_git_dir == "true":
        raise UsageError(f"{root} is inside a .git folder; give the folder above it")
    if in_work_tree != "true":
        return None
    prefix = prefix.removesuffix("\n")
    if prefix and is_ignored(root):
        # Asked for by name, as an unpacked release in an ignored cache: git would list nothing.
        return None
    return prefix


def head_commit(root: Path) -> str | None:
    """Commit that is checked out; None before the first one."""
    args = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]
    output = run_git(args, root, GIT_TIMEOUT_SECONDS, check=False)
    return output.stdout.decode("ascii").strip() if output.returncode == 0 else None


def has_lost_head(root: Path) -> bool:
    """Tell whether HEAD names a commit that git has not, other than before the first one."""
    args = ["rev-parse", "--verify", "--quiet", "HEAD"]
    named = run_git(args, root, GIT_TIMEOUT_SECONDS, check=False).returncode == 0
    return named and head_commit(root) is None


def has_commit(root: Path, commit: str) -> bool:
    """Tell whether a git work tree has a commit; False for what is no commit id."""
    if _COMMIT.fullmatch(commit) is None:
        return False
    args = ["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
    return run_git(args, root, GIT_TIMEOUT_SECONDS, check=False).returncode == 0


def git_files(root: Path, prefix: str) -> GitFiles:
    """List a folder of a git work tree.

    :param root: the folder.
    :param prefix: what :func:`git_prefix` returned for it.
    :raises GitError: git failed.
    """
    # Read first: if git writes the index in the meantime, too few files count as clean, not too
    # many.
    mtime_ns = index_mtime_ns(root)
    output = run_git(["ls-files", "-s", "--debug", "-z"], root, GIT_TIMEOUT_SECONDS)
    tracked = parse_index(output.stdout, mtime_ns)
    if tracked is None:
        output = run_git(["ls-files", "-s", "-z"], root, GIT_TIMEOUT_SECONDS)
        tracked = parse_index(output.stdout, mtime_ns)
    if tracked is None:
        raise GitError("git ls-files answers in an unknown form; use git 2.25 or newer")
    submodules = {path: entry.mode == SUBMODULE_MODE for path, entry in tracked.items()}
    found = untracked_files(root, submodules)
    for path in filtered(root, prefix, tracked, (*tracked, *found.names)):
        tracked[path] = _unknown(tracked[path].mode, tracked[path].content_id)
    return GitFiles(tracked, found.names, found.unreadable_folders)


def tracked_names(root: Path, trust: Trust = USER) -> dict[str, bool]:
    """What git tracks below a folder, in its order: path to whether it is a submodule.

    :raises GitError: git failed.
    """
    listing = run_git(["ls-files", "-s", "-z"], root, GIT_TIMEOUT_SECONDS, trust=trust).stdout
    found: dict[str, bool] = {}
    for line in listing.split(b"\0"):
        if line:
            found[os.fsdecode(line.partition(b"\t")[2])] = line.startswith(SUBMODULE_MODE)
    return found


def is_clean(entry: Tracked, status: os.stat_result) -> bool:
    """Tell whether a file is what git last saw, by size and times alone.

    Git's own check reads a file whose times differ, and runs the content filters that the
    repository's configuration names. Owner and inode are left out: they differ on a mounted
    volume. A false "no" costs one read and the same blob id.
    """
    return (
        entry.mtime_ns != 0
        and entry.mtime_ns == status.st_mtime_ns
        and entry.ctime_ns == status.st_ctime_ns
        and entry.size_bytes == status.st_size & 0xFFFF_FFFF
    )


def index_mtime_ns(root: Path) -> int:
    """When git's index was written; 0 (nothing is clean) where there is none yet."""
    output = run_git(["rev-parse", "--git-path", "index"], root, GIT_TIMEOUT_SECONDS)
    path = root / os.fsdecode(output.stdout.removesuffix(b"\n"))
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def parse_index(listing: bytes, index_mtime_ns: int) -> dict[str, Tracked] | None:
    """Read ``ls-files -s -z``, with or without ``--debug``; None when its form is not known."""
    found: dict[str, Tracked] = {}
    at = 0
    for match in _INDEX_ENTRY.finditer(listing):
        if match.start() != at:
            return None
        at = match.end()
        mode, content_id, stage, path, ctime, mtime, size = match.groups()
        modified_ns = _nanoseconds(mtime)
        # A file no older than the index may have been written again in the same tick of the
        # clock (git's "racy" entries); a conflict has several ids.
        if mtime is None or stage != b"0" or modified_ns >= index_mtime_ns:
            entry = _unknown(mode, content_id.decode("ascii"))
        else:
            changed_ns = modified_ns if ctime == mtime else _nanoseconds(ctime)
            entry = Tracked(mode, content_id.decode("ascii"), changed_ns, modified_ns, int(size))
        found[os.fsdecode(path)] = entry
    return found if at == len(listing) else None


def _nanoseconds(stamp: bytes | None) -> int:
    if stamp is None:
        return 0
    seconds, _, fraction = stamp.partition(b":")
    return int(seconds) * 1_000_000_000 + int(fraction)


def _unknown(mode: bytes, content_id: str) -> Tracked:
    return Tracked(mode, content_id, 0, 0, 0)


def filtered(root: Path, prefix: str, asked: Iterable[str], listed: Iterable[str]) -> list[str]:
    """Those of some tracked files that have a content filter such as LFS.

    Their blob id says nothing about the content on disk: a pointer file becomes the real one
    under the same id. Where git cannot be asked, all may have one: they are read and hashed.

    :param prefix: what :func:`git_prefix` returned for the folder.
    :param listed: everything that git lists there, for the attribute files among it.
    """
    above = [root.joinpath(*[".."] * depth) for depth in range(prefix.count("/") + 1)]
    has_attributes = any(
        (folder / ATTRIBUTES).exists() or (folder / ".git/info/attributes").exists()
        for folder in above
    ) or any(path.endswith("/" + ATTRIBUTES) for path in listed)
    if not has_attributes:
        return []
    names = list(asked)
    values = attributes_of(root, names, ("filter",))
    if values is None:
        return names
    return [path for path, given in values.items() if given["filter"] != "unset"]
