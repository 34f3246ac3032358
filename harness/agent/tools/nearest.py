"""The real paths nearest to one that does not exist."""

from __future__ import annotations

import difflib
from pathlib import PurePosixPath

from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

MAX_NEAREST = 3


def nearest_paths(tree: ConfinedTree, path: str) -> list[str]:
    """Return the likeliest paths that were meant: of the same name first, then of a similar one."""
    names = list_files(tree.root)
    wanted = PurePosixPath(path)
    same = [name for name in names if PurePosixPath(name).name == wanted.name]
    if same:
        return sorted(same, key=lambda name: -_shared(name, path))[:MAX_NEAREST]
    bases = {PurePosixPath(name).name: name for name in names}
    close = difflib.get_close_matches(wanted.name, list(bases), MAX_NEAREST, 0.6)
    whole = difflib.get_close_matches(path, names, MAX_NEAREST, 0.6)
    return list(dict.fromkeys([*(bases[base] for base in close), *whole]))[:MAX_NEAREST]


def no_such_file(tree: ConfinedTree, path: str) -> str:
    """Say that a path does not exist, and which ones are near."""
    near = nearest_paths(tree, path)
    return f"{path}: no such file" + (f"; there is {', '.join(near)}" if near else "")


def _shared(name: str, path: str) -> int:
    return len({*PurePosixPath(name).parts} & {*PurePosixPath(path).parts})
