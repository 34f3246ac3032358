"""Lists the files of a repository that are worth indexing, without reading them.

In git work trees git says what is tracked, and a walk by its rules finds what is untracked and not
ignored; other folders are scanned, following ``.gitignore`` files. ``.harnessignore`` files, of the
same syntax, apply in both. Whatever is left out is returned too, with its reason; a folder that is
left out is listed once, with a trailing ``/``, instead of each file in it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import RepositoryNotFoundError, UsageError
from harness.files import first_bytes
from harness.patterns import folders_above
from harness.repository.folder_signs import TrackedTree
from harness.repository.ignore import MAX_IGNORE_FILE_BYTES, IgnoreTree
from harness.repository.seen import LISTED, SUBMODULE, TRACKED, UNTRACKED, index_identity, look
from harness.repository.selection import HARNESS_IGNORE, UNREADABLE, Selection
from harness.repository.skip_names import (
    VCS_FOLDERS,
)
from harness.repository.tracked import (
    SUBMODULE_MODE,
    Tracked,
    git_files,
    git_prefix,
    head_commit,
)
from harness.types import Listing, Seen, Skip, SkippedFile, SkipReason

logger = logging.getLogger(__name__)

_SUBMODULE = Skip(SkipReason.SUBMODULE, "a repository of its own")


def walk(
    root: Path,
    *,
    max_file_bytes: int,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    pristine: bool = False,
) -> Listing:
    """List the files below a folder that are worth indexing.

    :param root: a folder; inside a git work tree only the part below it is listed.
    :param max_file_bytes: larger files are skipped.
    :param include: patterns of ``.gitignore`` syntax; when given, only matching files are listed.
    :param exclude: patterns of the same syntax; matching files and folders are skipped. A ``!``
        rule in ``.harnessignore`` lets vendored folders and lock files in, but never secrets.
    :param pristine: the folder is a checkout that nobody has touched, so that git's index vouches
        for every file.
    :returns: files and skips, sorted by path in code points (as git sorts). ``content_id`` is
        set where git's index vouches for the file, else by its size and times.
    :raises RepositoryNotFoundError: no such folder.
    :raises UsageError: a bare repository, or a folder that cannot be read.
    :raises GitError: git is missing or cannot read the repository.
    """
    if not root.is_dir():
        raise RepositoryNotFoundError(f"{root} is not a folder; give the folder of a repository")
    root = root.resolve()
    prefix = git_prefix(root)
    selection = selection_of(
        root, Limits(max_file_bytes, tuple(include), tuple(exclude)), in_git=prefix is not None
    )
    selection.pristine = pristine
    seen: Seen | None = None
    if prefix is None:
        _scan(selection)
    else:
        seen = _list_git(selection, prefix)
    return Listing(
        root=root,
        files=tuple(sorted(selection.files, key=lambda file: file.path)),
        skipped=tuple(
            SkippedFile(path, skip.reason, skip.rule)
            for path, skip in sorted(selection.skipped.items(), key=lambda item: item[0])
        ),
        commit=head_commit(root) if prefix is not None else None,
        is_git=prefix is not None,
        seen=seen,
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a walk is told of which files are wanted; see :func:`walk`."""

    max_file_bytes: int
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def selection_of(root: Path, limits: Limits, *, in_git: bool) -> Selection:
    """A selection that has decided on nothing yet.

    :param root: a folder, without links in its path.
    """
    return Selection(
        root=root,
        max_file_bytes=limits.max_file_bytes,
        in_git=in_git,
        include=_rules(limits.include),
        exclude=_rules(limits.exclude),
        included_all=not limits.include,
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
    selection = Selection(
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
        add_harnessignore(selection, names)
        for path in names:
            consider_listed(selection, path)
    return sorted(file.path for file in selection.files)


def _rules(patterns: Sequence[str]) -> IgnoreTree:
    tree = IgnoreTree()
    tree.add("", "\n".join(patterns))
    return tree


def _list_git(selection: Selection, prefix: str) -> Seen | None:
    git_index = index_identity(selection.root)
    found = git_files(selection.root, prefix)
    names = {*found.tracked, *found.untracked}
    selection.tracked = TrackedTree(frozenset(found.tracked))
    add_harnessignore(selection, names)
    for folder in found.unreadable_folders:
        selection.skip(folder + "/", UNREADABLE)
    for path in sorted(names):
        consider_listed(selection, path, found.tracked.get(path))
    if prefix or found.unreadable_folders:
        return None
    kinds = dict.fromkeys(found.tracked, TRACKED)
    for path, entry in found.tracked.items():
        if entry.mode == SUBMODULE_MODE:
            kinds[path] |= SUBMODULE
    for path in found.untracked:
        kinds[path] = kinds.get(path, 0) | UNTRACKED
    for file in selection.files:
        kinds[file.path] |= LISTED
    paths = {*names, *looked_at_besides(found.untracked)}
    blobs = {path: entry.content_id for path, entry in found.tracked.items()}
    seen = look(selection.root, git_index, kinds, blobs, paths, selection.looked_at)
    return seen and replace(
        seen,
        skipped=tuple(sorted((path, str(s.reason)) for path, s in selection.skipped.items())),
        folders=selection.left_out_folders(),
    )


def looked_at_besides(untracked: Iterable[str]) -> set[str]:
    """What a walk depends on besides the names that git lists.

    An untracked folder is judged by what lies in it, ignored or not; files of rules need not be
    among the names.
    """
    folders = {folder for path in untracked for folder in folders_above(path)}
    return {*folders, HARNESS_IGNORE, ".gitattributes", ".git/info/attributes"}


def add_harnessignore(selection: Selection, names: Iterable[str]) -> None:
    """Read the ``.harnessignore`` files of a listing."""
    nested = (path for path in names if path.endswith("/" + HARNESS_IGNORE))
    for path in sorted({HARNESS_IGNORE, *nested}):
        _add_ignore_file(selection.harnessignore, selection.root, path)


def consider_listed(selection: Selection, path: str, entry: Tracked | None = None) -> None:
    """Select or skip what git has listed."""
    # Most names hold neither, which is told in a tenth of the time.
    if (".." in path or ".git" in path) and not {"..", ".git"}.isdisjoint(path.split("/")):
        logger.warning("git lists %r, which no repository should hold; left out", path)
    elif path.endswith("/") or (entry is not None and entry.mode == SUBMODULE_MODE):
        selection.skip(path.rstrip("/") + "/", _SUBMODULE)
    else:
        selection.consider(path, entry)


def _add_ignore_file(tree: IgnoreTree, root: Path, path: str) -> None:
    """Read an ignore file; a link is not followed, as git does not either."""
    rules = first_bytes(f"{root}/{path}", MAX_IGNORE_FILE_BYTES)
    tree.add(path.rpartition("/")[0], rules.decode("utf-8", "surrogateescape"))


def _scan(selection: Selection) -> None:
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
