"""Git, called so that neither the user's nor a repository's configuration runs code.

Configuration of the system and of the user is not read. What a repository's own configuration
could start in the few commands used here is overridden on the command line, which goes before
it; a workspace's git directory is kept outside the workspace, and its configuration is written
anew before it is used (:mod:`harness.workspace.copies`). :mod:`harness.repository.git` keeps the
user's configuration, because it talks to remotes; nothing here does.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import GitError

HARDENED = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.alternateRefsCommand=true",
    "core.sshCommand=false",
    "core.pager=cat",
    "diff.external=",
    "submodule.recurse=false",
    "diff.ignoreSubmodules=all",
    "protocol.allow=never",
    "protocol.file.allow=never",
    "protocol.ext.allow=never",
    "credential.helper=",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    # Folders of other owners are common in containers; what their configuration could do is
    # off. The word must be on the command line: git reads it from no repository.
    "safe.directory=*",
)


@functools.cache
def git_binary() -> str:
    """Return git's path.

    :raises GitError: git is not installed.
    """
    found = shutil.which("git")
    if found is None:
        raise GitError("git was not found on PATH; install git and try again")
    return found


def run_git(
    arguments: Sequence[str],
    *,
    cwd: Path,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    data: bytes | None = None,
    extra: Mapping[str, str] | None = None,
    timeout_seconds: float = 120.0,
) -> bytes:
    """Run git and return its output.

    :param git_dir: the repository; None: the one that holds ``cwd``.
    :param data: standard input; None: empty.
    :raises GitError: it failed or took longer than ``timeout_seconds``.
    """
    binary = git_binary()
    environment = {
        "PATH": os.pathsep.join((str(Path(binary).parent), os.defpath)),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "harness",
        "GIT_AUTHOR_EMAIL": "harness@localhost",
        "GIT_COMMITTER_NAME": "harness",
        "GIT_COMMITTER_EMAIL": "harness@localhost",
        **(extra or {}),
    }
    if git_dir is not None:
        environment["GIT_DIR"] = str(git_dir)
    if work_tree is not None:
        environment["GIT_WORK_TREE"] = str(work_tree)
    options = [word for setting in HARDENED for word in ("-c", setting)]
    try:
        done = subprocess.run(
            [binary, "--no-pager", *options, *arguments],
            cwd=cwd,
            env=environment,
            input=data if data is not None else b"",
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]}: no end after {timeout_seconds:.0f} s") from None
    except OSError as error:
        raise GitError(f"git {arguments[0]}: {error}") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {arguments[0]}: {words or f'exit code {done.returncode}'}")
    return done.stdout


def git_text(arguments: Sequence[str], *, cwd: Path, git_dir: Path | None = None) -> str:
    """Run git and return its output as one stripped string (see :func:`run_git`)."""
    return run_git(arguments, cwd=cwd, git_dir=git_dir).decode(errors="replace").strip()
