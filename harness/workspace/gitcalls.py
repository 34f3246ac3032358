"""Git for an agent's copy, called so that nobody's configuration runs code.

Every call is sealed (:data:`harness.repository.git.SEALED`). A repository's own configuration is
still read, for its object format; what it could start in the few commands used here is
overridden. A workspace's git directory is kept outside the workspace, and its configuration is
rewritten before each use (:mod:`harness.workspace.copies`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.repository.git import SEALED
from harness.repository.git import run_git as run

_TIMEOUT_SECONDS = 120.0


def run_git(
    arguments: Sequence[str],
    *,
    cwd: Path,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    data: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Run git and return its output.

    :param git_dir: the repository; None: the one that holds ``cwd``.
    :param data: standard input.
    :param variables: more of the environment.
    :raises GitError: it failed.
    :raises TransientError: it took longer than two minutes.
    """
    return run(
        arguments,
        cwd,
        _TIMEOUT_SECONDS,
        trust=SEALED,
        stdin=data,
        git_dir=git_dir,
        work_tree=work_tree,
        variables=variables,
    ).stdout


def git_text(arguments: Sequence[str], *, cwd: Path, git_dir: Path | None = None) -> str:
    """Run git and return its output as one stripped string (see :func:`run_git`)."""
    return run_git(arguments, cwd=cwd, git_dir=git_dir).decode(errors="replace").strip()
