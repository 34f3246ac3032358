"""Where a task works: a copy of a repository, confined paths, limited commands, a patch.

``paths`` confines what tools read and write, ``copies`` makes the copy and its patch,
``commands`` runs what the model wants to run, ``gitcalls`` calls git on data nobody has vetted.
"""

from harness.workspace.commands import (
    CommandPolicy,
    CommandResult,
    Isolation,
    probe_isolation,
    run_command,
)
from harness.workspace.copies import Workspace, apply_patch, create_workspace, list_files
from harness.workspace.paths import ConfinedTree

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
