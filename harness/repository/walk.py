"""Lists the files of a repository that are worth indexing, without reading them.

Git work trees are listed by git itself (tracked, and untracked but not ignored); other folders
by a scan that follows ``.gitignore`` files. ``.harnessignore`` files, of the same syntax, apply
in both. Whatever is left out is returned too, with its reason; a folder that is left out is listed
once, with a trailing ``/``, instead of each file in it.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import RepositoryNotFoundError, UsageError
from harness.files import open_regular
from harness.patterns import folders_above
from harness.repository.folder_signs import DiskTree, TrackedTree
from harness.repository.ignore import IgnoreTree
from harness.repository.skip_names import (
    VCS_FOLDERS,
    is_secret,
    skip_file_by_name,
    skip_folder_by_name,
)
from harness.repository.tracked import (
    SUBMODULE_MODE,
    Tracked,
    git_files,
    git_prefix,
    head_commit,
    is_clean,
)
from harness.text import encodable
from harness.types import Listing, Skip, SkippedFile, SkipReason, SourceFile

logger = logging.getLogger(__name__)

MAX_IGNORE_FILE_BYTES = 1_000_000
HARNESS_IGNORE = ".harnessignore"
UNREADABLE = Skip(SkipReason.UNREADABLE, "it cannot be opened")
_LINK = Skip(SkipReason.SYMLINK, "a symbolic link")
_SUBMODULE = Skip(SkipReason.SUBMODULE, "a repository of its own")


@dataclass(slots=True)
class _Selection:
    """Decides on every entry, and keeps the result.

    With ``any_kind`` a file's kind and size do not matter, only whether it is to be seen at all.
    """

    root: Path
    max_file_bytes: int
    in_git: bool
    include: IgnoreTree
    exclude: IgnoreTree
    tracked: TrackedTree = field(default_factory=TrackedTree)
    gitignore: IgnoreTree = field(default_factory=IgnoreTree)
    harnessignore: IgnoreTree = field(default_factory=IgnoreTree)
    included_all: bool = True
    any_kind: bool = False
    files: list[SourceFile] = field(default_factory=list)
    skipped: dict[str, Skip] = field(default_factory=dict)
    # Why and at which folder above it, if not itself, a folder is left out, for tracked files and
    # for others; None where it is entered.
    _folders: dict[tuple[str, bool], tuple[Skip, str] | None] = field(default_factory=dict)

    def skip(self, path: str, skip: Skip) -> None:
        """Record a skip. Bytes that are not valid UTF-8 are escaped, so the path can be stored."""
        self.skipped[encodable(path)] = skip

    def enters(self, folder: str) -> bool:
        """Tell a scan whether to descend into a folder, and record when not."""
        found = self._folder(folder, False)
        if found is None or (found[0].reason is SkipReason.VENDORED and self.harnessignore.negates):
            return True
        self.skip(found[1] + "/", found[0])
        return False

    def consider(self, path: str, tracked: Tracked | None = None) -> SourceFile | None:
        """Select or skip one file or link by its names, its type and its size."""
        folder, _, name = path.rpartition("/")
        found = self._folder(folder, path in self.tracked.paths) if folder else None
        let_in = self.harnessignore.lets_in(path)
        if found is not None and not (let_in and found[0].reason is SkipReason.VENDORED):
            self.skip(self._listed_for(path, found[1]), found[0])
            return None
        try:
            status = os.lstat(f"{self.root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return None  # tracked by git, deleted from the folder
        except OSError:
            self.skip(path, UNREADABLE)
            return None
        if stat.S_ISDIR(status.st_mode):
            return None  # a folder took the place of a tracked file; its files are listed
        skip = self._skip(path, name, status, let_in)
        if skip is not None:
            self.skip(path, skip)
            return None
        clean = tracked is not None and is_clean(tracked, status)
        file = SourceFile(
            path=path,
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            content_id=tracked.content_id if tracked is not None and clean else None,
            let_in=let_in,
        )
        self.files.append(file)
        return file

    def _listed_for(self, path: str, folder: str) -> str:
        """What to list for a file in a folder that is left out: the folder, unless some of its
        files are tracked and stay."""
        if folder not in self.tracked.folders or self._folder(folder, True) is not None:
            return folder + "/"
        inner = (above for above in folders_above(path) if above not in self.tracked.folders)
        topmost = next(inner, None)
        return path if topmost is None else topmost + "/"

    def _skip(self, path: str, name: str, status: os.stat_result, let_in: bool) -> Skip | None:
        # A link within the root leads to a file that is listed anyway; any other leaves the root.
        if stat.S_ISLNK(status.st_mode):
            return _LINK
        ignored = self._ignored(path, False)
        if ignored is not None:
            return ignored
        if not (self.included_all or self.include.ignores(path)):
            return Skip(SkipReason.EXCLUDED, "--include")
        if not stat.S_ISREG(status.st_mode):
            return Skip(SkipReason.NOT_TEXT, "not a regular file")
        by_name = skip_file_by_name(name)
        if by_name is None and is_secret(path):
            by_name = Skip(SkipReason.SECRET, "its name in that folder")
        if self.any_kind:
            return by_name if by_name and by_name.reason is SkipReason.SECRET else None
        if not _is_utf8(path):
            return Skip(SkipReason.NOT_TEXT, "a name that is not UTF-8")
        if by_name is not None and not (let_in and by_name.reason is not SkipReason.SECRET):
            return by_name
        if status.st_size > self.max_file_bytes:
            return Skip(SkipReason.TOO_LARGE, "more than HARNESS_MAX_FILE_BYTES")
        return Skip(SkipReason.EMPTY, "no bytes") if status.st_size == 0 else None

    def _folder(self, folder: str, is_tracked: bool) -> tuple[Skip, str] | None:
        unknown: list[str] = []
        while folder and (folder, is_tracked) not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        found = self._folders[folder, is_tracked] if folder else None
        for child in reversed(unknown):
            if found is None:
                skip = self._folder_skip(child, is_tracked)
                found = (skip, child) if skip is not None else None
            self._folders[child, is_tracked] = found
        return found

    def _folder_skip(self, folder: str, is_tracked: bool) -> Skip | None:
        # Git lists a tracked path even when a link has taken the place of its folder.
        if os.path.islink(f"{self.root}/{folder}"):  # noqa: PTH114 - 3x faster over 10^4 folders
            return _LINK
        ignored = self._ignored(folder, True)
        if ignored is not None:
            return ignored
        return skip_folder_by_name(
            DiskTree(self.root),
            folder,
            in_git=self.in_git,
            tracked=self.tracked,
            is_tracked=is_tracked,
        )

    def _ignored(self, path: str, is_folder: bool) -> Skip | None:
        for tree, rule in (
            (self.gitignore, ".gitignore"),
            (self.harnessignore, HARNESS_IGNORE),
            (self.exclude, "--exclude"),
        ):
            if tree.ignores(path, is_folder):
                return Skip(SkipReason.EXCLUDED, rule)
        return None


def walk(
    root: Path,
    *,
    max_file_bytes: int,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Listing:
    """List the files below a folder that are worth indexing.

    :param root: a folder; inside a git work tree only the part below it is listed.
    :param max_file_bytes: larger files are skipped.
    :param include: patterns of ``.gitignore`` syntax; when given, only matching files are listed.
    :param exclude: patterns of the same syntax; matching files and folders are skipped. A ``!``
        rule in ``.harnessignore`` lets vendored folders and lock files in, but never secrets.
    :returns: files and skips, sorted by path in code points (as git sorts). ``content_id`` is
        set where git's index vouches for the file by its size and times.
    :raises RepositoryNotFoundError: no such folder.
    :raises UsageError: a bare repository, or a folder that cannot be read.
    :raises GitError: git is missing or cannot read the repository.
    """
    if not root.is_dir():
        raise RepositoryNotFoundError(f"{root} is not a folder; give the folder of a repository")
    root = root.resolve()
    prefix = git_prefix(root)
    selection = _Selection(
        root=root,
        max_file_bytes=max_file_bytes,
        in_git=prefix is not None,
        include=_rules(include),
        exclude=_rules(exclude),
        included_all=not include,
    )
    if prefix is None:
        _scan(selection)
    else:
        _list_git(selection, prefix)
    return Listing(
        root=root,
        files=tuple(sorted(selection.files, key=lambda file: file.path)),
        skipped=tuple(
            SkippedFile(path, skip.reason, skip.rule)
            for path, skip in sorted(selection.skipped.items(), key=lambda item: item[0])
        ),
        commit=head_commit(root) if prefix is not None else None,
        is_git=prefix is not None,
    )


def visible_files(
    root: Path, listed: Iterable[str] | None, tracked: Iterable[str] = ()
) -> list[str]:
    """Name the files that a person would call the repository's, and that may be shown.

    Folders, ignore files and secret names count as for :func:`walk`; size and kind do not, so
    lock files, images and empty files are among them. Links and special files are not.

    :param root: an existing folder.
    :param listed: what git lists there, tracked or not ignored; None: the folder is scanned.
    :param tracked: those of them that git tracks.
    :returns: paths relative to ``root``, sorted; bytes that are not valid UTF-8 as surrogates.
    :raises UsageError: the folder cannot be read.
    """
    selection = _Selection(
        root=root.resolve(),
        max_file_bytes=0,
        in_git=listed is not None,
        include=_rules(()),
        exclude=_rules(()),
        tracked=TrackedTree(frozenset(tracked)),
        any_kind=True,
    )
    if listed is None:
        _scan(selection)
    else:
        names = set(listed)
        _add_harnessignore(selection, names)
        for path in names:
            _consider_listed(selection, path)
    return sorted(file.path for file in selection.files)


def _rules(patterns: Sequence[str]) -> IgnoreTree:
    tree = IgnoreTree()
    tree.add("", "\n".join(patterns))
    return tree


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list_git(selection: _Selection, prefix: str) -> None:
    found = git_files(selection.root, prefix)
    names = {*found.tracked, *found.untracked}
    selection.tracked = TrackedTree(frozenset(found.tracked))
    _add_harnessignore(selection, names)
    for folder in found.unreadable_folders:
        selection.skip(folder + "/", UNREADABLE)
    for path in sorted(names):
        _consider_listed(selection, path, found.tracked.get(path))


def _add_harnessignore(selection: _Selection, names: Iterable[str]) -> None:
    nested = (path for path in names if path.endswith("/" + HARNESS_IGNORE))
    for path in sorted({HARNESS_IGNORE, *nested}):
        _add_ignore_file(selection.harnessignore, selection.root, path)


def _consider_listed(selection: _Selection, path: str, entry: Tracked | None = None) -> None:
    parts = path.split("/")
    if ".." in parts or ".git" in parts:
        logger.warning("git lists %r, which no repository should hold; left out", path)
    elif path.endswith("/") or (entry is not None and entry.mode == SUBMODULE_MODE):
        selection.skip(path.rstrip("/") + "/", _SUBMODULE)
    else:
        selection.consider(path, entry)


def _add_ignore_file(tree: IgnoreTree, root: Path, path: str) -> None:
    """Read an ignore file; a link is not followed, as git does not either."""
    try:
        file = open_regular(f"{root}/{path}")
    except OSError:
        return
    if file is None:
        return
    with file:
        text = file.read(MAX_IGNORE_FILE_BYTES).decode("utf-8", "surrogateescape")
    tree.add(path.rpartition("/")[0], text)


def _scan(selection: _Selection) -> None:
    """Walk a folder that is in no git work tree; links are never followed."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(f"{selection.root}/{folder}") as entries:
                found = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries]
        except FileNotFoundError:
            continue
        except OSError as error:
            if not folder:
                raise UsageError(
                    f"{selection.root} cannot be read ({error.strerror}); check its permissions"
                ) from error
            selection.skip(folder + "/", UNREADABLE)
            continue
        names = {name for name, _ in found}
        for tree, ignore_file in (
            (selection.gitignore, ".gitignore"),
            (selection.harnessignore, HARNESS_IGNORE),
        ):
            if ignore_file in names:
                path = f"{folder}/{ignore_file}" if folder else ignore_file
                _add_ignore_file(tree, selection.root, path)
        for name, is_folder in found:
            path = f"{folder}/{name}" if folder else name
            if name.lower() in VCS_FOLDERS:
                continue
            if not is_folder:
                selection.consider(path)
            elif selection.enters(path):
                pending.append(path)
