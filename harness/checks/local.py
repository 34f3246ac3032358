"""Checks of this machine: git, folders, disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.checks.running import Outcome
from harness.errors import CredentialError, PolicyError
from harness.repository.logins import login_called, login_names
from harness.workspace.policy import Level

# An index takes about 5 kB a chunk; below this a run may well fill the disk.
_MIN_FREE_BYTES = 1_000_000_000


def variables(unknown: Sequence[tuple[str, str]]) -> Outcome:
    """Every ``HARNESS_…`` variable means something: one that does not is a typing error.

    :param unknown: names that mean nothing, each with a similar one that does, or an empty one.
    """
    if not unknown:
        return True, "every HARNESS_ variable is known", ""
    said = ", ".join(f"{name} ({like}?)" if like else name for name, like in unknown)
    return False, f"not a setting: {said}", ""


def git() -> Outcome:
    """Git repositories are listed and cloned by git."""
    found = shutil.which("git")
    if not found:
        return False, "git is not on the PATH", "install git (your package manager has it)"
    return True, found, ""


def isolation(least: Level, network: bool) -> Outcome:
    """The agent's commands are isolated here at least as the setting demands."""
    from harness.workspace.isolation import probe_isolation

    found = probe_isolation(network)
    with_network = ", with network" if network else ""
    why = f" ({found.reason})" if found.reason else ""
    detail = f"{found.level}{with_network}{why}"
    try:
        found.require(least)
    except PolicyError as error:
        return False, detail, str(error).partition("; ")[2]
    return True, detail, ""


def writable(folder: Path) -> Outcome:
    """The folder, or the one it will be made in, can be written and has some space."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return False, f"{folder} cannot be written", ""
    free = shutil.disk_usage(existing).free
    if free < _MIN_FREE_BYTES:
        return False, f"{folder}: only {free / 1e6:.0f} MB free", ""
    return True, f"{folder} ({free / 1e9:.0f} GB free)", ""


def repositories_root(root: Path | None) -> Outcome:
    """The folder of the nightly run can be read."""
    if root is None:
        return (
            None,
            "HARNESS_REPOS_ROOT is not set: only registered repositories are indexed every night",
            "",
        )
    if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        return False, f"{root} cannot be read", "set HARNESS_REPOS_ROOT to a readable folder"
    return True, str(root), ""


def credentials(folder: Path) -> Outcome:
    """Every credential for git servers can be used."""
    names = login_names(folder)
    if not names:
        return None, f"no credentials in {folder}: only public repositories, or the user's own", ""
    wrong = []
    for name in names:
        try:
            login_called(name, folder)
        except CredentialError as error:
            wrong.append(str(error))
    if wrong:
        return False, "; ".join(wrong), "correct the files named (docs/repositories.md)"
    return True, f"{', '.join(names)} in {folder}", ""
