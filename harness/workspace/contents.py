"""The files of a copy as trees of its own git directory, read and written without git looking at
the copy.

Ignore and attribute files in it were written by whoever wrote the repository, or by a command, and
git would match their patterns. So the files are listed by our own matcher
(:mod:`harness.repository.untracked`), and become blobs byte by byte
(:mod:`harness.repository.blobs`).
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import GitError, TransientError
from harness.repository.blobs import (
    EXECUTABLE,
    LINK,
    REGULAR,
    SUBMODULE,
    Entry,
    changed_entries,
    entries,
    remove_files,
    store_contents,
    store_files,
    write_files,
)
from harness.repository.git import SEALED
from harness.repository.git_rules import GitRules, git_rules
from harness.repository.untracked import Untracked, untracked_files
from harness.workspace.conversions import from_utf8, is_convertible, to_utf8
from harness.workspace.gitcalls import run_git
from harness.workspace.paths import PlainFiles
from harness.workspace.rights import take_back_rights

logger = logging.getLogger(__name__)

MAX_ENCODED_BYTES = 20_000_000
_LISTING_SECONDS = 60.0
# A file that changed this short a time before it was read may change again within the same tick of
# the file system's clock.
_RACY_NS = 2_000_000_000
_NOTHING = "000000"


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file looked like when it was last read. If ``racy``, it may have changed unseen."""

    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    racy: bool

    @classmethod
    def at(cls, status: os.stat_result, now_ns: int) -> _Look:
        """Note a status that was taken just before ``now_ns``."""
        newest = max(status.st_mtime_ns, status.st_ctime_ns)
        return cls(
            status.st_mode,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
            newest >= now_ns - _RACY_NS,
        )

    def still_holds(self, status: os.stat_result) -> bool:
        """Tell whether the file is certainly as it was."""
        now = _Look.at(status, 0)
        return not self.racy and (
            (self.mode, self.size, self.mtime_ns, self.ctime_ns, self.inode)
            == (now.mode, now.size, now.mtime_ns, now.ctime_ns, now.inode)
        )


class Contents:
    """What a copy's index holds, brought up to date with its files by :meth:`record`.

    ``encodings`` names the files that git keeps in UTF-8 while they have another encoding here.
    """

    def __init__(
        self, root: Path, control: Path, object_format: str, encodings: Mapping[str, str]
    ) -> None:
        self.root = root
        self.control = control
        self.object_format = object_format
        self.encodings = encodings
        self._known: dict[str, Entry] = {}
        self._looks: dict[str, _Look] = {}

    def read_index(self) -> dict[str, Entry]:
        """Take over what the index holds."""
        self._known = entries(self._git("ls-files", "-s", "-z"))
        self._looks = {}
        return dict(self._known)

    def names(self) -> Iterable[str]:
        """Return the files that the index holds."""
        return self._known.keys()

    def record(self, *, ignored_as_well: bool = False) -> str:
        """Return the id of a tree with all files as they are now, ignored ones left out.

        A file that cannot be read even by its owner stays in it as it was; nothing else is lost
        for it.

        :param ignored_as_well: no file is left out, as when the copy was just made.
        """
        found, unreadable = self._files(ignored_as_well)
        if unreadable:
            take_back_rights(self.root)
            found, unreadable = self._files(ignored_as_well)
        now = time.time_ns()
        changed = {
            name: status
            for name, status in found.items()
            if name not in self._looks or not self._looks[name].still_holds(status)
        }
        ids = self._store(changed)
        if len(ids) < len(changed):
            take_back_rights(self.root)
            ids |= self._store({name: changed[name] for name in changed if name not in ids})
        new = {name: Entry(_mode(changed[name]), blob) for name, blob in ids.items()}
        lost = [name for name in changed if name not in new]
        if lost or unreadable:
            logger.warning("not all of the copy can be read: %s", ", ".join([*lost, *unreadable]))
        kept = {*found, *unreadable}
        gone = [
            name
            for name, entry in self._known.items()
            if name not in kept and not self._stays(name, entry, unreadable)
        ]
        changes = {name: entry for name, entry in new.items() if self._known.get(name) != entry}
        self._write_index(gone, changes)
        for name in new:
            self._looks[name] = _Look.at(changed[name], now)
        return self._git("write-tree").decode("ascii").strip()

    def restore(self, tree: str, before: str) -> None:
        """Bring the files from one tree to another; what is in neither stays.

        :param before: what :meth:`record` has just returned.
        :raises OSError: the disk refuses.
        """
        listing = self._git("diff-tree", "-r", "-z", "--raw", "--no-renames", before, tree)
        changed = changed_entries(listing)
        remove_files(changed, self.root)
        wanted = {name: new for name, (_, new) in changed.items() if new.mode != _NOTHING}
        write_files(wanted, self.root, self.control, self._on_disk)
        gone = [name for name, (_, new) in changed.items() if new.mode == _NOTHING]
        self._write_index(gone, wanted)
        for name in changed:
            self._looks.pop(name, None)

    def diff(self, before: str, after: str, options: Sequence[str]) -> bytes:
        """Return the patch between two trees; no attribute of a file counts."""
        # Where there is no work tree, git would take attributes from the index.
        no_index = {"GIT_INDEX_FILE": str(self.control / "no-index")}
        arguments = ["diff-tree", "-r", "-p", "--no-renames", *options, before, after]
        return self._git(*arguments, variables=no_index)

    def _files(self, ignored_as_well: bool) -> tuple[dict[str, os.stat_result], list[str]]:
        """Find the files of the copy, and what cannot be looked at."""
        new = Untracked(tuple(_all_names(self.root)), ()) if ignored_as_well else self._new()
        unreadable = list(new.unreadable_folders)
        found: dict[str, os.stat_result] = {}
        files = PlainFiles(self.root)
        for name in (*self._known, *new.names):
            try:
                status = files.status(name.removesuffix("/"))
            except PermissionError:
                unreadable.append(name)
                continue
            if status is not None and (
                stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
            ):
                found[name] = status
        return found, unreadable

    def _new(self) -> Untracked:
        tracked = {name: entry.mode == SUBMODULE for name, entry in self._known.items()}
        try:
            return untracked_files(
                self.root, tracked, rules=self._rules(in_tree=True), seconds=_LISTING_SECONDS
            )
        except TransientError:
            # Files that nobody wants are better than a patch that does not come back.
            logger.warning("the ignore files of the copy take too long and are not followed")
            return untracked_files(self.root, tracked, rules=self._rules(in_tree=False))

    def _rules(self, *, in_tree: bool) -> GitRules:
        return git_rules(
            self.root, trust=SEALED, git_dir=self.control, work_tree=self.root, in_tree=in_tree
        )

    def _stays(self, name: str, entry: Entry, unreadable: list[str]) -> bool:
        """Tell whether an entry without a file remains: a submodule's folder, or what lies in a
        folder that cannot be read."""
        if entry.mode == SUBMODULE:
            return (self.root / name).is_dir() and not (self.root / name).is_symlink()
        return any(not folder or name.startswith(f"{folder}/") for folder in unreadable)

    def _store(self, files: Mapping[str, os.stat_result]) -> dict[str, str]:
        """Make blobs of files; those that cannot be read are missing in the answer."""
        special: dict[str, bytes] = {}
        for name, status in files.items():
            try:
                if stat.S_ISLNK(status.st_mode):
                    special[name] = os.fsencode((self.root / name).readlink())
                elif name in self.encodings and status.st_size <= MAX_ENCODED_BYTES:
                    data = (self.root / name).read_bytes()
                    if is_convertible(data, self.encodings[name]):
                        special[name] = to_utf8(data, self.encodings[name])
            except OSError:
                continue
        plain = [name for name, status in files.items() if name not in special]
        plain = [name for name in plain if stat.S_ISREG(files[name].st_mode)]
        return store_contents(special, self.control) | store_files(self.root, plain, self.control)

    def _write_index(self, gone: list[str], changes: Mapping[str, Entry]) -> None:
        """Change the index; what git does not take as a path, such as ``.git``, stays out."""
        none = Entry("0", "0" * (64 if self.object_format == "sha256" else 40))
        lines = [(name, none) for name in gone] + list(changes.items())
        for name, entry in self._indexed(lines):
            if entry is none:
                self._known.pop(name, None)
                self._looks.pop(name, None)
            else:
                self._known[name] = entry

    def _indexed(self, lines: list[tuple[str, Entry]]) -> list[tuple[str, Entry]]:
        if not lines:
            return []
        rows = (f"{entry.mode} {entry.id}\t".encode() + os.fsencode(name) for name, entry in lines)
        try:
            self._git("update-index", "-z", "--index-info", data=b"\0".join(rows) + b"\0")
        except GitError:
            if len(lines) == 1:
                logger.warning("git takes no file of this name: %r", lines[0][0])
                return []
            half = len(lines) // 2
            return self._indexed(lines[:half]) + self._indexed(lines[half:])
        return lines

    def _on_disk(self, name: str, data: bytes) -> bytes:
        encoding = self.encodings.get(name)
        return data if encoding is None else from_utf8(data, encoding)

    def _git(
        self, *arguments: str, data: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> bytes:
        empty = self.control / "no-files"
        empty.mkdir(exist_ok=True)
        return run_git(
            arguments,
            cwd=empty,
            git_dir=self.control,
            work_tree=empty,
            data=data,
            variables=variables,
        )


def _mode(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return LINK
    return EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR


def _all_names(root: Path) -> list[str]:
    """All files and links below a folder, but for its git directory."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        if folder == str(root):
            folders[:] = [name for name in folders if name != ".git"]
        found += [Path(folder, name).relative_to(root).as_posix() for name in (*files, *links)]
    return found
