"""Which files may be touched: paths confined to one root, and none that hold credentials."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from harness.errors import PolicyError, UsageError
from harness.files import open_regular, write_atomically
from harness.repository.git_names import is_git_folder
from harness.repository.skip_names import is_secret


class PlainFiles:
    """Tells the real files of a tree from what only looks like one.

    A listing may be older than the files, or come from somebody else: a folder on the way may have
    become a symbolic link that leads out.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._folders: dict[str, bool] = {"": True}

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of a file or symbolic link in a real folder below the root.

        :returns: None when it is not there.
        :raises PermissionError: a folder on the way may not be entered.
        """
        folder = name.rpartition("/")[0]
        known = self._folders.get(folder)
        if known is None:
            path = self.root / folder
            known = ".." not in folder.split("/") and os.path.realpath(path) == str(path)
            self._folders[folder] = known
        if not known:
            return None
        try:
            return (self.root / name).lstat()
        except PermissionError:
            raise
        except OSError:
            return None


class ConfinedTree:
    """Reads and writes of regular files below one root, and nowhere else.

    Every path is relative to the root with ``/``. The check is on the resolved path, so a
    symbolic link counts as what it points to. No process of the workspace runs while a file is
    opened, so nothing can be swapped between check and use.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve(strict=True)

    def resolve(self, path: str) -> Path:
        """Return the file or folder that a path names; it need not exist.

        :raises PolicyError: absolute, leaves the root, is git's own, or holds credentials.
        """
        text = path.strip().replace("\\", "/")
        if "\0" in text:
            raise PolicyError("a path cannot hold a NUL character")
        pure = PurePosixPath(text)
        if pure.is_absolute() or text.startswith("~") or (len(text) > 1 and text[1] == ":"):
            raise PolicyError(f"{path}: use a path relative to the repository root")
        if ".." in pure.parts:
            raise PolicyError(f"{path}: '..' is not allowed; use a path relative to the root")
        full = self.root.joinpath(*pure.parts)
        try:
            resolved = full.resolve()
        except (OSError, RuntimeError):
            raise PolicyError(f"{path}: a loop of symbolic links") from None
        # From Python 3.13 on a loop is left as it is.
        if any(folder.is_symlink() for folder in (resolved, *resolved.parents)):
            raise PolicyError(f"{path}: a loop of symbolic links")
        if not resolved.is_relative_to(self.root):
            raise PolicyError(f"{path}: leads out of the repository")
        inside = resolved.relative_to(self.root).parts
        if any(map(is_git_folder, (*inside, *pure.parts))):
            raise PolicyError(f"{path}: git's own files are off limits")
        if is_secret("/".join(pure.parts)) or is_secret("/".join(inside)):
            raise PolicyError(f"{path}: held back, its name says that it holds credentials")
        return resolved

    def relative(self, full: Path) -> str:
        """Return a resolved path the way the model and the user see it."""
        return full.relative_to(self.root).as_posix()

    def read_bytes(self, path: str, max_bytes: int = 20_000_000) -> bytes:
        """Read a regular file.

        :raises PolicyError: see :meth:`resolve`; or a pipe, socket or device.
        :raises UsageError: missing, a folder, unreadable, or larger than ``max_bytes``.
        """
        full = self.resolve(path)
        try:
            file = open_regular(full)
        except FileNotFoundError:
            raise UsageError(f"{path}: no such file; use list_files to see what exists") from None
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        if file is None:
            if full.is_dir():
                raise UsageError(f"{path}: is a folder; use list_files")
            raise PolicyError(f"{path}: not a regular file")
        with file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise UsageError(f"{path}: {size} bytes, more than {max_bytes}")
            return file.read(max_bytes)

    def write_bytes(self, path: str, content: bytes) -> Path:
        """Replace or create a regular file at once, keeping its mode; return where it is.

        :raises PolicyError: see :meth:`resolve`; or not a regular file.
        :raises UsageError: a folder, or the disk refused.
        """
        full = self.resolve(path)
        if full == self.root or full.is_dir():
            raise UsageError(f"{path}: is a folder")
        mode = None
        if full.exists():
            status = full.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise PolicyError(f"{path}: not a regular file")
            mode = stat.S_IMODE(status.st_mode)
        try:
            full.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(full, content, permissions=mode)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        return full
