"""Folders within folders, more than anybody makes: a command can leave thousands of them, past what
a path can name, and whoever goes through the copy would give up at them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from harness.errors import PolicyError
from harness.files import PRIVATE_FOLDER, private_folder
from harness.workspace.rights import listed

logger = logging.getLogger(__name__)

MAX_LEVELS = 200
"""Of folders within each other; source trees have some twenty."""

# Of a path within the copy. Linux takes 4095 bytes of a whole one.
_MAX_PATH_BYTES = 3000


def remove_deep_folders(root: Path, aside: Path, kept: Iterable[str]) -> None:
    """Remove what lies deeper in a copy than :data:`MAX_LEVELS`; no process may be running in it.

    :param aside: a folder that is not there, beside the copy; it is gone afterwards.
    :param kept: files of the repository; folders of theirs stay, however deep they are.
    :raises PolicyError: a folder can neither be looked into nor removed.
    """
    try:
        deep = _deep_folders(root, kept)
        if deep:
            logger.warning(
                "a command left more than %d folders within each other, which are not in the "
                "patch: %.100s",
                MAX_LEVELS,
                deep[0].relative_to(root),
            )
            private_folder(aside)
        for number, folder in enumerate(deep):
            _move(folder, aside / str(number))
    except OSError as error:
        raise PolicyError(
            f"a command left folders that cannot be removed ({error.strerror or error}); the copy "
            "is not read any further"
        ) from error
    if deep:
        remove_tree(aside)


def _deep_folders(root: Path, kept: Iterable[str]) -> list[Path]:
    """The uppermost of those that are too deep."""
    ours = {above for name in kept if _is_deep(name) for above in _folders_above(name)}
    top = len(os.fsencode(root)) + 1
    deep: list[Path] = []
    pending = [str(root)]
    while pending:
        for entry in listed(pending.pop()):
            if entry.is_dir(follow_symlinks=False):
                inner = os.fsdecode(os.fsencode(entry.path)[top:])
                if _is_deep(inner) and inner not in ours:
                    deep.append(Path(entry.path))
                elif inner != ".git":
                    pending.append(entry.path)
    return deep


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is below it, however deep, and whatever rights were taken away.
    What cannot be removed stays, and nothing is raised.

    ``shutil.rmtree`` goes as deep as Python calls functions, and no deeper than a path is long.
    """
    count = 0
    found: list[str] = []
    pending = [str(folder)]
    while pending:
        inner = pending.pop()
        found.append(inner)
        try:
            Path(inner).chmod(PRIVATE_FOLDER)
            entries = listed(inner)
        except OSError:
            continue
        for entry in entries:
            try:
                if not entry.is_dir(follow_symlinks=False):
                    Path(entry.path).unlink()
                elif len(os.fsencode(entry.path)) > _MAX_PATH_BYTES:
                    # Paths are short again from here on.
                    place = folder / f"{count}.moved"
                    count += 1
                    _move(Path(entry.path), place)
                    pending.append(str(place))
                else:
                    pending.append(entry.path)
            except OSError:
                continue
    for inner in reversed(found):
        try:
            Path(inner).rmdir()
        except OSError:
            continue


def _move(folder: Path, place: Path) -> None:
    # Both are written: where the folder was, and in it what is above it.
    for path in (folder.parent, folder):
        path.chmod(PRIVATE_FOLDER)
    folder.rename(place)


def _is_deep(path: str) -> bool:
    return path.count("/") >= MAX_LEVELS or len(os.fsencode(path)) > _MAX_PATH_BYTES


def _folders_above(name: str) -> list[str]:
    return [name[:at] for at, letter in enumerate(name) if letter == "/"]
