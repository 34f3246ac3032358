"""Repositories that a command leaves inside a copy: removed before git looks at the copy.

Git asks a repository inside a working tree for its state, under that one's own configuration,
which may name programs to run. Nothing that a command wrote may do that outside the confinement,
so whatever git could take for a repository goes, in any form (a folder, a file, a link), and if it
cannot be removed, the copy is not read any more.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.errors import PolicyError
from harness.files import PRIVATE_FOLDER
from harness.repository.git_names import is_git_folder
from harness.workspace.rights import listed


def remove_nested_repositories(root: Path) -> None:
    """Remove every ``.git`` below ``root`` but its own.

    :raises PolicyError: something cannot be removed, or a folder cannot be looked into.
    """
    for found in _nested(root):
        try:
            _remove(found)
        except OSError:
            try:
                _unlock(found)
                _remove(found)
            except OSError as error:
                raise _refused(found, error) from error
    # Nothing runs in the copy now, so what a second look finds could not be removed.
    for found in _nested(root):
        raise _refused(found, OSError("it is still there"))


def _nested(root: Path) -> list[Path]:
    found: list[Path] = []
    pending = [str(root)]
    while pending:
        folder = pending.pop()
        for entry in _entries(folder):
            if is_git_folder(entry.name):
                if folder != str(root):
                    found.append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
    return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return listed(folder)
    except OSError as error:
        raise _refused(Path(folder), error) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _unlock(path: Path) -> None:
    """Take back the rights that a command took away."""
    path.parent.chmod(PRIVATE_FOLDER)
    if path.is_dir() and not path.is_symlink():
        path.chmod(PRIVATE_FOLDER)
        for folder, folders, _ in os.walk(path):
            for name in folders:
                inner = Path(folder, name)
                if not inner.is_symlink():
                    inner.chmod(PRIVATE_FOLDER)


def _refused(path: Path, error: OSError) -> PolicyError:
    return PolicyError(
        f"a command left {path.name} in {path.parent}, which cannot be removed "
        f"({error.strerror or error}); the copy is not read any further"
    )
