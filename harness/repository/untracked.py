"""Files of a work tree that git neither tracks nor ignores: what ``git ls-files --others
--exclude-standard`` lists, found without git's matcher (see :mod:`harness.repository.git_rules`).

Folders that are ignored are not entered, so that one with 100,000 files costs one look.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import TransientError
from harness.files import first_bytes, open_regular
from harness.patterns import folders_above
from harness.repository.git_rules import GIT_IGNORE, GitRules, as_bytes, as_text, git_rules
from harness.repository.spellings import Spellings

SECONDS = 300.0
_MAX_GIT_FILE_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Untracked:
    """``names`` are relative to the folder asked about, sorted; a repository inside it ends in
    ``/``. ``unreadable_folders`` are relative to the same folder."""

    names: tuple[str, ...]
    unreadable_folders: tuple[str, ...]


def untracked_files(
    root: Path,
    tracked: Mapping[str, bool],
    *,
    rules: GitRules | None = None,
    seconds: float = SECONDS,
) -> Untracked:
    """List what git neither tracks nor ignores below a folder of a work tree.

    :param root: the folder, without links in its path.
    :param tracked: what git tracks, relative to it: path to whether it is a submodule.
    :param rules: those of this folder, to be used once; None: those that the user's git follows.
    :raises GitError: git failed.
    :raises TransientError: it took longer than ``seconds``.
    """
    found = _Walk(rules or git_rules(root))
    found.know(tracked)
    found.run(root, time.monotonic() + seconds)
    return Untracked(tuple(sorted(set(found.names))), tuple(sorted(found.unreadable)))


@dataclass(slots=True)
class _Walk:
    rules: GitRules
    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    submodules: set[str] = field(default_factory=set)
    spellings: Spellings = field(default_factory=lambda: Spellings(()))
    names: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def know(self, tracked: Mapping[str, bool]) -> None:
        for path, is_submodule in tracked.items():
            name = self._key(as_text(os.fsencode(path)))
            (self.submodules if is_submodule else self.files).add(name)
            folder = name.rpartition("/")[0]
            if folder and folder not in self.folders:
                self.folders.add(folder)
                self.folders.update(folders_above(folder))
        self.spellings = Spellings((*self.files, *self.folders, *self.submodules))

    def run(self, root: Path, deadline: float) -> None:
        top = os.fsencode(root)
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(top + b"/" + as_bytes(folder)) as entries:
                    found = list(entries)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                self.unreadable.append(_name(folder))
                continue
            if (folder or self.rules.prefix) and any(e.name == GIT_IGNORE.encode() for e in found):
                self.rules.add_folder(f"{self.rules.prefix}{folder}".removesuffix("/"))
            for entry in found:
                if time.monotonic() > deadline:
                    raise TransientError(
                        f"listing {root} took too long and was stopped; its ignore files may hold "
                        "rules that take long, or it has very many files that are not ignored"
                    )
                path = folder + as_text(entry.name)
                if not path.isascii() and not self._knows(path):
                    path = self.spellings.of(path, top, entry)
                if self._enters(entry, path):
                    pending.append(f"{path}/")

    def _knows(self, path: str) -> bool:
        key = self._key(path)
        return key in self.files or key in self.folders or key in self.submodules

    def _enters(self, entry: os.DirEntry[bytes], path: str) -> bool:
        """Judge an entry, in git's order (dir.c); tell whether it is a folder to look into."""
        if self._key(as_text(entry.name)) == ".git":
            return False
        key, whole = self._key(path), self.rules.prefix + path
        if entry.is_dir(follow_symlinks=False):
            if key in self.submodules or self.rules.tree.ignores(whole, True):
                return False
            if key in self.folders or not is_repository(entry.path):
                return True
            self.names.append(_name(path) + "/")
        elif key not in self.files and _is_file(entry) and not self.rules.tree.ignores(whole):
            self.names.append(_name(path))
        return False

    def _key(self, path: str) -> str:
        # Only ASCII letters have a case for git, and only they are changed here.
        return as_text(as_bytes(path).lower()) if self.rules.ignores_case else path


def _name(path: str) -> str:
    return os.fsdecode(as_bytes(path.removesuffix("/")))


def _is_file(entry: os.DirEntry[bytes]) -> bool:
    return entry.is_symlink() or entry.is_file(follow_symlinks=False)


def is_repository(folder: bytes) -> bool:
    """Tell whether git takes a folder for a repository of its own: by its ``.git``, a folder or a
    file that names one (setup.c)."""
    git = folder + b"/.git"
    try:
        kind = os.stat(git).st_mode  # noqa: PTH116 - bytes
    except OSError:
        return False
    if stat.S_ISDIR(kind):
        return _is_git_dir(git)
    try:
        file = open_regular(os.path.realpath(git))
        if file is None:
            return False
        with file:
            data = file.read(_MAX_GIT_FILE_BYTES)
    except OSError:  # git does not look into what it cannot judge
        return True
    if not data.startswith(b"gitdir: "):
        return False
    target = data.removeprefix(b"gitdir: ").rstrip(b"\r\n")
    return _is_git_dir(os.path.join(folder, target))  # noqa: PTH118


def _is_git_dir(path: bytes) -> bool:
    try:
        common = path
        shared = _first_line(path + b"/commondir")
        if shared:
            common = os.path.join(path, shared)  # noqa: PTH118
        return (
            _is_head(path + b"/HEAD")
            and os.access(common + b"/objects", os.X_OK)
            and os.access(common + b"/refs", os.X_OK)
        )
    except ValueError:
        return False


def _is_head(path: bytes) -> bool:
    if os.path.islink(path):  # noqa: PTH114
        return os.readlink(path).startswith(b"refs/")  # noqa: PTH115
    line = _first_line(path)
    if line.startswith(b"ref:"):
        return line.removeprefix(b"ref:").lstrip().startswith(b"refs/")
    return len(line) >= 40 and all(char in b"0123456789abcdefABCDEF" for char in line[:40])


def _first_line(path: bytes) -> bytes:
    line, _, _ = first_bytes(path, _MAX_GIT_FILE_BYTES).partition(b"\n")
    return line.rstrip(b"\r")
