"""Where a task works: a copy of a repository, confined paths, limited commands, a patch.

``paths`` confines what tools read and write, ``copies`` makes the copy and its patch, ``patches``
brings that home, ``conversions`` knows what git converts on the way, ``commands`` runs what the
model wants to run, ``gitcalls`` calls git on data that nobody has vetted, ``control`` configures
it.

The package imports nothing by itself: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.workspace.commands import CommandResult, Isolation, probe_isolation, run_command
    from harness.workspace.copies import Workspace, create_workspace, list_files
    from harness.workspace.patches import apply_patch
    from harness.workspace.paths import ConfinedTree
    from harness.workspace.policy import CommandPolicy

__all__ = [
    "CommandPolicy",
    "CommandResult",
    "ConfinedTree",
    "Isolation",
    "Workspace",
    "apply_patch",
    "create_workspace",
    "list_files",
    "probe_isolation",
    "run_command",
]

_MODULES = {
    "CommandPolicy": "policy",
    "CommandResult": "commands",
    "ConfinedTree": "paths",
    "Isolation": "commands",
    "Workspace": "copies",
    "apply_patch": "patches",
    "create_workspace": "copies",
    "list_files": "copies",
    "probe_isolation": "commands",
    "run_command": "commands",
}


if not TYPE_CHECKING:  # or a misspelt name would pass for an object

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
