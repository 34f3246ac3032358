"""The ignore files of a tree: which of its entries they leave out."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from harness.patterns import PathPatterns, folders_above

logger = logging.getLogger(__name__)

MAX_IGNORE_FILE_BYTES = 1_000_000
MAX_PATTERNS = 200_000


@dataclass(slots=True)
class IgnoreTree:
    """The ignore files of a tree, each valid from its folder downwards.

    With ``ignores_case`` ASCII letters match in either case. Files beyond :data:`MAX_PATTERNS`
    lines in all are not followed, since every line costs time for every entry below it.
    """

    ignores_case: bool = False
    _files: dict[str, PathPatterns] = field(default_factory=dict)
    _folders: dict[str, bool] = field(default_factory=dict)
    _count: int = 0
    negates: bool = False
    """True when some pattern lets an entry in again; read for every file of a walk."""

    def add(self, folder: str, text: str) -> None:
        """Add the ignore file of a folder (``""`` for the root) before asking about its content."""
        found = PathPatterns.parse(text, self.ignores_case)
        if not found.patterns:
            return
        self._count += len(found.patterns)
        if self._count <= MAX_PATTERNS:
            self._files[folder] = found
            self.negates = self.negates or found.negates
        else:
            logger.warning("too many ignore rules; those of %s are not followed", folder or "all")

    def ignores(self, path: str, is_folder: bool = False) -> bool:
        """Tell whether an entry, or a folder above it, is ignored."""
        if not self._files:
            return False
        if is_folder:
            return self._ignores_folder(path)
        parent, _, _ = path.rpartition("/")
        return self._ignores_folder(parent) or self._verdict(path, False) is True

    def _ignores_folder(self, folder: str) -> bool:
        # Not recursive: a path of 4,096 bytes can be 2,000 folders deep.
        unknown: list[str] = []
        while folder and folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        ignored = self._folders[folder] if folder else False
        for child in reversed(unknown):
            ignored = ignored or self._verdict(child, True) is True
            self._folders[child] = ignored
        return ignored

    def lets_in(self, path: str) -> bool:
        """Tell whether a ``!`` pattern names a file, or a folder above it, explicitly."""
        if not self.negates:
            return False
        return self._verdict(path, False) is False or any(
            self._verdict(folder, True) is False for folder in folders_above(path)
        )

    def _verdict(self, path: str, is_folder: bool) -> bool | None:
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            patterns = self._files.get(folder)
            if patterns is not None:
                relative = path[len(folder) + 1 :] if folder else path
                verdict = patterns.verdict(relative, is_folder)
                if verdict is not None:
                    return verdict
        return None
