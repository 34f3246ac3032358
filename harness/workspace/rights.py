"""Takes back the rights to files of a copy that a command gave away.

Commands make files and folders that their owner may not read or change: tests of error paths, a
module cache, a script with a wrong umask. Git fails as a whole over one of them, and with it the
patch would be lost.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from harness.files import PRIVATE_FOLDER


def listed(folder: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder of a copy, and let its owner look into it if he may not.

    :raises OSError: he still may not.
    """
    try:
        return list(os.scandir(folder))
    except PermissionError:
        Path(folder).chmod(PRIVATE_FOLDER)
        return list(os.scandir(folder))


def take_back_rights(root: Path) -> None:
    """Let the owner read every regular file below a folder, and change every folder.

    Git knows of a file's mode only whether it can be executed, so no patch changes by it. What
    cannot be changed stays as it is. No process may be running in the folder.
    """
    pending = [str(root)]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    if status.st_mode & PRIVATE_FOLDER != PRIVATE_FOLDER:
                        Path(entry.path).chmod(stat.S_IMODE(status.st_mode) | PRIVATE_FOLDER)
                    pending.append(entry.path)
                elif stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IRUSR:
                    Path(entry.path).chmod(stat.S_IMODE(status.st_mode) | stat.S_IRUSR)
            except OSError:
                continue
