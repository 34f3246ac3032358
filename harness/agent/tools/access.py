"""What the tools of a run have access to: reading needs less than changing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.agent.clock import RunClock
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.outputs import OutputStore
from harness.errors import UsageError
from harness.types import Hit
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

Search = Callable[[str, int], Sequence[Hit]]
Mapped = Callable[[str], Sequence[tuple[str, Sequence[str]]]]
"""Returns the files that a text is about and what goes with them, the most important first, each
with the names of its most important definitions."""
Approve = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class ReadAccess:
    """For tools that read below one root and never write.

    ``search`` returns the best passages for a query, at most as many as asked for; None: the
    repository is not indexed. ``max_chars`` is the size of one output, so that a page of a file
    need not be cut again.
    """

    tree: ConfinedTree
    outputs: OutputStore
    search: Search | None
    max_chars: int

    def folder(self, path: object) -> str:
        """Return a file or folder relative to the root, empty for the root itself.

        :raises UsageError: it does not exist.
        :raises PolicyError: it may not be read.
        """
        text = str(path).strip()
        if text in ("", ".", "./", "/"):
            return ""
        full = self.tree.resolve(text)
        if not full.exists():
            raise UsageError(f"{text}: no such file or folder")
        return self.tree.relative(full)

    def files(self, folder: str) -> list[str]:
        """Return the repository's files below a folder, or the file of that name."""
        names = list_files(self.tree.root)
        if not folder:
            return names
        return [name for name in names if name == folder or name.startswith(f"{folder}/")]


@dataclass(frozen=True, slots=True)
class ChangeAccess:
    """For tools that change files or run commands in the copy of a repository.

    ``approve`` is asked with ``command`` and the command's text before it runs; None: all
    commands run. The time a person takes to answer does not count on ``clock``.
    """

    tree: ConfinedTree
    commands: CommandRunner
    approve: Approve | None
    clock: RunClock
