"""A copy of a repository to work in, and what was changed in it as a patch.

Without a ref the copy holds what the user sees now: tracked files with their uncommitted changes
and new files that are not ignored (:mod:`harness.workspace.copying`), so that the patch fits the
user's tree. With a ref it holds
that commit. Outside git it is a plain copy without ignored and secret files, and without what
tools can make again. Submodules stay empty and LFS files stay pointers, because fetching them would
run commands from the repository's own configuration.

There are two git directories. ``control.git`` lies outside the copy; snapshots and patches come
from it, and its configuration is rewritten before every use. ``.git`` inside the copy is there for
the commands of the task (``git log``, ``git diff``); Harness asks it for nothing but the list of
files, with sealed calls, so whatever a command writes into it runs nowhere else. Git never looks at
the copy itself (:mod:`harness.workspace.contents`): blobs hold the bytes of the files. Only what
the user's git converts to UTF-8 is converted here as well, so that its patch is text that ``git
apply`` takes.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.errors import (
    GitError,
    PolicyError,
    RepositoryNotFoundError,
    UsageError,
)
from harness.files import private_folder
from harness.repository.blobs import write_files
from harness.repository.git_rules import is_ignored
from harness.repository.skip_names import REMADE_PATTERNS
from harness.repository.tracked import tracked_names
from harness.repository.untracked import untracked_files
from harness.repository.walk import visible_files
from harness.workspace.contents import Contents
from harness.workspace.control import borrow_objects, borrowed_objects, configure, initialise
from harness.workspace.conversions import encodings_of
from harness.workspace.copying import copy_files
from harness.workspace.gitcalls import git_text, run_git
from harness.workspace.levels import remove_deep_folders, remove_tree
from harness.workspace.nested import remove_nested_repositories
from harness.workspace.paths import ConfinedTree
from harness.workspace.rights import take_back_rights

EXCLUDED = "\n".join(REMADE_PATTERNS) + "\n"


@dataclass(frozen=True, slots=True)
class Source:
    """The user's tree. ``objects`` is None outside git, ``head`` before the first commit."""

    root: Path
    objects: Path | None
    object_format: str
    head: str | None
    is_top: bool


def inspect(root: Path) -> Source:
    """Find out what kind of repository a folder is.

    :raises RepositoryNotFoundError: not a folder.
    :raises PolicyError: a file system's root, or inside a git directory.
    """
    if not root.is_dir():
        raise RepositoryNotFoundError(f"{root}: no such folder; give the repository's path")
    root = root.resolve()
    if root == Path(root.anchor) or any(part.casefold() == ".git" for part in root.parts):
        raise PolicyError(f"{root}: not a repository's folder; give the folder with the sources")
    what = ["--is-inside-work-tree", "--show-object-format", "--git-path", "objects"]
    try:
        # The path comes last, because it may hold line ends.
        inside, object_format, objects, top = git_text(
            ["rev-parse", *what, "--show-toplevel"], cwd=root
        ).split("\n", 3)
        if inside != "true" or (Path(top).resolve() != root and is_ignored(root)):
            return Source(root, None, "sha1", None, True)
    except (GitError, ValueError):
        return Source(root, None, "sha1", None, True)
    try:
        head = git_text(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], cwd=root)
    except GitError:
        head = None
    return Source(
        root, (root / objects).resolve(), object_format, head, Path(top).resolve() == root
    )


def list_files(root: Path) -> list[str]:
    """Return the files a user would call the repository's: sorted, relative, ``/``.

    Tracked files and untracked ones that are not ignored, except what the index skips by its name:
    secret, vendored and excluded files (:func:`harness.repository.walk.visible_files`).
    """
    try:
        tracked = tracked_names(root)
        names = [*tracked, *untracked_files(root.resolve(), tracked).names]
    except GitError:
        names, tracked = [], {}
    # None: outside git, or a folder that the repository around it ignores.
    return visible_files(root, names or None, tracked)


class Workspace:
    """The copy: ``tree`` is confined to the folder that the model sees; see the module.

    ``left_out`` names the user's files that could not be read, folders with ``/`` at the end.
    """

    def __init__(
        self,
        state_dir: Path,
        source: Source,
        base: str,
        head: str | None,
        contents: Contents,
        left_out: tuple[str, ...] = (),
    ) -> None:
        self.state_dir = state_dir
        self.source = source
        self.base = base
        self.commit = head
        self.contents = contents
        self.left_out = left_out
        self.tree = ConfinedTree(state_dir / "tree")
        self.scratch = state_dir / "scratch"

    @property
    def root(self) -> Path:
        """The folder with the copied files."""
        return self.tree.root

    @property
    def readable(self) -> tuple[Path, ...]:
        """What git reads besides, when a command asks it: objects of the user's repository."""
        objects = self.state_dir / "control.git" / "objects"
        return (objects, *borrowed_objects(objects))

    def snapshot(self) -> str:
        """Return the id of a git tree with all files as they are now, ignored ones left out.

        A file that cannot be read even by its owner stays in it as it was; nothing else is lost
        for it.
        """
        remove_deep_folders(self.root, self.state_dir / "deep", self.contents.names())
        remove_nested_repositories(self.root)
        self._configure()
        return self.contents.record()

    def patch(self) -> str:
        """Return what changed since the copy was made, as a patch that ``git apply`` takes.

        Binary files, new and deleted files and modes included; empty when nothing changed.
        """
        return self.diff(self.base, self.snapshot())

    def diff(self, before: str, after: str) -> str:
        """Return the patch between two snapshots. Bytes that are not UTF-8 stay as surrogates."""
        options = ["--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv"]
        self._configure()
        return self.contents.diff(before, after, options).decode("utf-8", "surrogateescape")

    def restore(self, snapshot: str) -> None:
        """Bring all files back to a snapshot; ignored files stay."""
        before = self.snapshot()
        try:
            self.contents.restore(snapshot, before)
        except OSError:  # a command locked a folder
            take_back_rights(self.root)
            self.contents.restore(snapshot, before)

    def close(self) -> None:
        """Delete the copy, even when commands took away the right to."""
        remove_tree(self.state_dir)

    def _configure(self) -> None:
        configure(self.state_dir / "control.git", self.source.object_format)


def create_workspace(
    root: Path, state_dir: Path | None = None, ref: str | None = None
) -> Workspace:
    """Copy a repository.

    :param state_dir: empty or missing folder for the copy; None: a new temporary one.
    :param ref: branch, tag or commit; None: the files as they are, uncommitted changes included.
    :raises UsageError: the ref does not exist, or there is not enough room on the disk.
    :raises RepositoryNotFoundError: ``root`` is not a folder.
    :raises PolicyError: ``root`` may not be copied.
    """
    source = inspect(root)
    state_dir = state_dir or Path(tempfile.mkdtemp(prefix="harness-work-"))
    private_folder(state_dir)
    try:
        return _make_copy(source, state_dir, ref)
    except BaseException:
        shutil.rmtree(state_dir, ignore_errors=True)
        raise


def _make_copy(source: Source, state_dir: Path, ref: str | None) -> Workspace:
    tree, control = state_dir / "tree", state_dir / "control.git"
    for folder in (tree, state_dir / "scratch"):
        folder.mkdir()
    initialise(control, source.object_format)
    (control / "info" / "exclude").write_text(EXCLUDED)
    if source.objects is not None:
        borrow_objects(control, source.objects)
    left_out: tuple[str, ...] = ()
    if ref is not None:
        contents = Contents(tree, control, source.object_format, {})
        commit: str | None = _copy_commit(source, ref, contents)
        base = git_text(["write-tree"], cwd=tree, git_dir=control)
    else:
        commit = source.head if source.is_top else None
        left_out = copy_files(
            source.root, tree, control=control if source.objects is None else None
        )
        encodings = encodings_of(source.root, tree) if source.objects is not None else {}
        contents = Contents(tree, control, source.object_format, encodings)
        base = contents.record(ignored_as_well=True)
    _give_git_to_commands(source, control, tree, base, commit)
    return Workspace(state_dir, source, base, commit, contents, left_out)


def _copy_commit(source: Source, ref: str, contents: Contents) -> str:
    if source.objects is None:
        raise UsageError(f"{source.root} is not a git repository, so it has no ref {ref!r}")
    try:
        commit = git_text(
            ["rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"], cwd=source.root
        )
    except GitError:
        raise UsageError(f"no ref {ref!r} in {source.root}; see `git branch --all`") from None
    prefix = "" if source.is_top else git_text(["rev-parse", "--show-prefix"], cwd=source.root)
    tree, control = contents.root, contents.control
    try:
        run_git(["read-tree", f"{commit}:{prefix}"], cwd=tree, git_dir=control, work_tree=tree)
    except GitError:
        raise UsageError(f"{ref!r} holds no folder {prefix!r}") from None
    write_files(contents.read_index(), tree, control)
    return commit


def _give_git_to_commands(
    source: Source, control: Path, tree: Path, base: str, commit: str | None
) -> None:
    parents = ["-p", commit] if commit is not None else []
    message = ["-m", "State before the task"]
    head = git_text(["commit-tree", base, *parents, *message], cwd=tree, git_dir=control)
    inner = tree / ".git"
    initialise(inner, source.object_format)
    (inner / "info" / "attributes").unlink()
    borrow_objects(inner, control / "objects")
    if (control / "shallow").is_file():
        shutil.copyfile(control / "shallow", inner / "shallow")
    shutil.copyfile(control / "index", inner / "index")
    (inner / "info" / "exclude").write_text(EXCLUDED)
    (inner / "refs" / "heads" / "work").write_text(f"{head}\n")
