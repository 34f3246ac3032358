"""Brings a patch home: into the user's tree, all of it or nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import GitError, HarnessError, PatchConflictError
from harness.repository.attributes import REMEDY, slow_for_patch
from harness.repository.patch_names import PatchNames, patch_names
from harness.workspace import conversions
from harness.workspace.control import configure, initialise
from harness.workspace.conversions import ENCODING
from harness.workspace.copies import Source, inspect
from harness.workspace.gitcalls import run_git
from harness.workspace.paths import ConfinedTree


def apply_patch(patch: str, target: Path) -> None:
    """Apply a patch to the user's tree, all of it or nothing; no index, no commit.

    It need not be a git repository. A file that the patch does not fit byte by byte is converted
    for it as the user's git does (line ends, ``working-tree-encoding``), and back: a patch that
    was made from a commit fits a clean tree. Filters of the target never run.

    :raises PatchConflictError: it does not apply cleanly; nothing was changed.
    :raises RepositoryNotFoundError: ``target`` is not a folder.
    """
    source = inspect(target)
    with tempfile.TemporaryDirectory(prefix="harness-apply-") as folder:
        control = Path(folder, "control.git")
        initialise(control, source.object_format)
        home = _Home(source, control, patch.encode("utf-8", "surrogateescape"))
        try:
            home.prepare()
            home.git("--binary")
        except GitError as error:
            raise PatchConflictError(
                f"the patch does not apply to {target}: {error}; nothing was changed"
            ) from None


class _Home:
    """One patch and the tree that it goes to; ``control`` is the git directory for it."""

    def __init__(self, source: Source, control: Path, data: bytes) -> None:
        self.source = source
        self.control = control
        self.data = data
        self.tree = ConfinedTree(source.root)

    def git(self, *options: str) -> bytes:
        """Run ``git apply``."""
        return run_git(
            ["apply", "--whitespace=nowarn", *options, "-"],
            cwd=self.source.root,
            git_dir=self.control,
            work_tree=self.source.root,
            data=self.data,
        )

    def prepare(self) -> None:
        """Choose which files are converted, and check that the patch then applies.

        :raises GitError: it does not.
        """
        touched = patch_names(self.data)
        self._refuse(touched)
        names = touched.changed
        if self.source.objects is None:
            self.git("--check", "--binary")
            return
        values = conversions.attributes_of(self.source.root, names)
        new = [
            name
            for name, given in values.items()
            if ENCODING in given and not os.path.lexists(self.source.root / name)
        ]
        self._convert(new, values)
        try:
            self.git("--check", "--binary")
        except GitError:
            unfit = [name for name in names if name not in new and self._must_be_converted(name)]
            checked = [name for name in unfit if self._can_be_converted(name, values)]
            if not checked:
                raise
            self._convert([*new, *checked], values)
            self.git("--check", "--binary")

    def _refuse(self, touched: PatchNames) -> None:
        if name := touched.of_git():
            raise PatchConflictError(
                f"the patch does not apply to {self.source.root}: {name!r} may be git's own "
                "folder; nothing was changed"
            )
        slow = slow_for_patch(self.source.root, touched.changed, self.data, touched)
        if slow is not None:
            raise PatchConflictError(
                f"the patch does not apply to {self.source.root}: git would take too long over "
                f"a pattern in {slow}; {REMEDY}; nothing was changed"
            )

    def _convert(self, names: Iterable[str], values: Mapping[str, Mapping[str, str]]) -> None:
        attributes = [(name, conversions.in_words(values.get(name, {}))) for name in names]
        core = conversions.core_settings(self.source.root) if attributes else {}
        configure(self.control, self.source.object_format, attributes, core)

    def _must_be_converted(self, name: str) -> bool:
        escaped = "".join(f"\\{char}" if char in "*?[]\\" else char for char in name)
        try:
            self.git("--check", "--binary", f"--include={escaped}")
        except GitError:
            return True
        return False

    def _can_be_converted(self, name: str, values: Mapping[str, Mapping[str, str]]) -> bool:
        """Git's conversion would change lines that the patch does not name where line ends are
        mixed, and bytes where the encoding is not what the attributes say."""
        try:
            data = self.tree.read_bytes(name)
        except HarnessError:
            return False
        encoding = values.get(name, {}).get(ENCODING)
        if encoding is not None and conversions.is_convertible(data, encoding):
            data = conversions.to_utf8(data, encoding)
        elif encoding is not None:
            return False
        return data.count(b"\r\n") in (0, data.count(b"\n"))
