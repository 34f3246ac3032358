"""Removes old results of the agent: patches, reports, trajectories."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

DAY_SECONDS = 86_400
# Only folders that Harness named: those of flow runs (`run-<id>`) and of commands
# (`<time>-<name>-<digits>`). HARNESS_RESULTS_DIR may point anywhere.
_OURS = re.compile(r"run-[0-9a-f-]{36}|\d{8}T\d{6}Z-[a-z]+-[0-9a-f]{6}")


def is_result_name(name: str) -> bool:
    """Tell whether Harness gives this name to the folder of a run's results."""
    return _OURS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Removed:
    """What :func:`remove_old_results` did; ``failed`` are names that could not be removed."""

    folders: int
    kept: int
    failed: tuple[str, ...] = ()


def remove_old_results(results_dir: Path, keep_days: int, *, now: float) -> Removed:
    """Remove each result in which nothing has changed for ``keep_days`` days; idempotent.

    :param keep_days: 0 keeps everything.
    :param now: seconds since the epoch.
    """
    if not results_dir.is_dir():
        return Removed(0, 0)
    folders, kept, failed = 0, 0, []
    oldest = now - keep_days * DAY_SECONDS
    with os.scandir(results_dir) as entries:
        ours = [
            Path(entry.path)
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and is_result_name(entry.name)
        ]
    for folder in sorted(ours):
        try:
            if keep_days == 0 or _last_change(folder) >= oldest:
                kept += 1
                continue
            shutil.rmtree(folder)
        except OSError:
            failed.append(folder.name)
        else:
            folders += 1
    return Removed(folders, kept, tuple(failed))


def _last_change(folder: Path) -> float:
    """The newest modification time in a folder: a run may go on for days."""
    files = (path for path in folder.rglob("*") if not path.is_symlink())
    return max([folder.stat().st_mtime, *(path.stat().st_mtime for path in files)])
