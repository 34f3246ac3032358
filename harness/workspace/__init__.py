"""Where a task works: a copy of a repository, confined paths, limited commands, a patch.

``paths`` confines what tools read and write, ``copies`` makes the copy and its patch, ``patches``
brings that home, ``conversions`` knows what git converts on the way, ``commands`` runs what the
model wants to run, isolated as ``isolation`` finds possible with what ``visible`` shows, by
``confined``, the scripts beside a command, while ``memory`` and ``disk`` watch what it takes;
``nested``, ``levels`` and ``rights`` undo what it left; ``gitcalls`` calls git on data that nobody
has vetted, ``control`` configures it.

The package imports nothing by itself: each name is loaded when it is first used.
"""

from importlib import import_module

# Not typing's, which takes longer to load than a command's supervisor does without it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from harness.workspace.commands import CommandResult, run_command
    from harness.workspace.copies import Workspace, create_workspace, list_files
    from harness.workspace.isolation import Isolation, probe_isolation
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
    "Isolation": "isolation",
    "Workspace": "copies",
    "apply_patch": "patches",
    "create_workspace": "copies",
    "list_files": "copies",
    "probe_isolation": "isolation",
    "run_command": "commands",
}


if not TYPE_CHECKING:  # or a misspelt name would pass for an object

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
