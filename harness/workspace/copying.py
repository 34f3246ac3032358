"""Copies the files of a user's tree as they are now: tracked ones, and new ones not ignored.

What cannot be read (a file of a container's user, a locked folder) is left out and named, for no
task should fail over a file that it does not need.
"""

from __future__ import annotations

import errno
import logging
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.repository.git import SEALED, USER
from harness.repository.git_rules import git_rules
from harness.repository.skip_names import is_secret
from harness.repository.tracked import tracked_names
from harness.repository.untracked import untracked_files
from harness.workspace.paths import PlainFiles

logger = logging.getLogger(__name__)

SPARE_DISK_BYTES = 200_000_000
_SHOWN = 5
# Also what changed between listing and copying.
_LEFT_OUT_ERRORS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}
)


@dataclass(frozen=True, slots=True)
class _Listed:
    names: tuple[str, ...]
    unreadable: tuple[str, ...]


def copy_files(root: Path, tree: Path, *, control: Path | None) -> tuple[str, ...]:
    """Copy a user's tree into an empty folder.

    :param control: outside git: our own git directory, whose ``info/exclude`` names what tools
        make again; None: the user's repository says what is ignored, and so do the ignore files
        that the user's own configuration names, as for the index.
    :returns: paths that could not be read, folders with ``/`` at the end.
    :raises UsageError: there is not enough room on the disk, or it refused.
    """
    listed = _listed(root, control)
    left_out = list(listed.unreadable)
    wanted: list[str] = []
    size = 0
    files = PlainFiles(root)
    for name in listed.names:
        try:
            status = files.status(name)
        except PermissionError:
            if not name.startswith(listed.unreadable):
                left_out.append(name)
            continue
        # None: deleted by the user, so the copy lacks it as well. Pipes and sockets hold nothing.
        if status is not None and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            wanted.append(name)
            size += status.st_size
    free = shutil.disk_usage(tree).free
    if size + SPARE_DISK_BYTES > free:
        raise UsageError(
            f"copying {root} takes {size} bytes and {free} are free; free some space, or "
            "move the data directory"
        )
    for name in wanted:
        to = tree / name
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(root / name, to, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _LEFT_OUT_ERRORS:
                raise UsageError(f"{root / name}: cannot be copied: {error.strerror}") from None
            to.unlink(missing_ok=True)
            left_out.append(name)
    if left_out:
        shown = ", ".join(left_out[:_SHOWN]) + (", …" if len(left_out) > _SHOWN else "")
        logger.warning(
            "left out of the copy of %s, because they cannot be read: %s (%d in all)",
            root, shown, len(left_out),
        )  # fmt: skip
    return tuple(left_out)


def _listed(root: Path, control: Path | None) -> _Listed:
    tracked: dict[str, bool] = {}
    if control is None:
        tracked = tracked_names(root, SEALED)
        rules = git_rules(root, trust=USER)
    else:
        rules = git_rules(root, trust=SEALED, git_dir=control, work_tree=root)
    new = untracked_files(root, tracked, rules=rules)
    names = [*tracked, *(name for name in new.names if not is_secret(name))]
    return _Listed(tuple(names), tuple(f"{folder}/" for folder in new.unreadable_folders))
