"""A patch as a new branch on the repository's server.

The commit is made in a checkout that nobody else sees. A branch that exists is never touched: the
push is allowed only if there is none of this name, which the server checks as it happens.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import CredentialError, GitError, PatchConflictError, PolicyError
from harness.repository.attributes import REMEDY, slow_for_patch
from harness.repository.credentials import redact
from harness.repository.git import SEALED, run_git
from harness.repository.patch_names import patch_names
from harness.repository.remotes import Remote
from harness.repository.tracked import tracked_names

PREFIX = "harness/"
_SLUG_CHARS = 40
_SUBJECT_CHARS = 72


def branch_name(task: str, run_id: str, secrets: tuple[str, ...]) -> str:
    """Name of a task's branch: its first words, without secrets, and the beginning of the run's
    id."""
    shown = redact(task, secrets, suspected=True)
    words = re.sub(r"[^a-z0-9]+", "-", shown.lower())[:_SLUG_CHARS].strip("-")
    return f"{PREFIX}{words or 'task'}-{re.sub(r'[^a-z0-9]', '', run_id.lower())[:8]}"


def check_may_push(remote: Remote) -> None:
    """See to it that a patch can be pushed, before there is one.

    :raises CredentialError: the credential is for reading.
    """
    if not remote.access.may_write:
        raise CredentialError(
            f"the credential {remote.access.credential!r} is for reading {remote.url}, not for "
            "pushing; write `write` into its file `access` if it may"
        )


def push_patch(
    patch: str, root: Path, remote: Remote, *, branch: str, message: str, secrets: tuple[str, ...]
) -> str:
    """Commit a patch on top of what is checked out, and push it as a new branch.

    :param root: a checkout as it came from the server; nobody else works in it.
    :param branch: must begin with :data:`PREFIX`.
    :param message: its first line becomes the subject.
    :param secrets: what must not be in the message.
    :returns: the new commit.
    :raises CredentialError: the credential is for reading, or the server refuses it.
    :raises PatchConflictError: the patch does not fit.
    :raises PolicyError: a branch of this name exists, or the server refuses this one; or an
        attribute file would keep git busy.
    """
    check_may_push(remote)
    if not branch.startswith(PREFIX):
        raise PolicyError(f"{branch!r} does not begin with {PREFIX}, so it is not pushed")
    seconds = remote.timeout_seconds
    data = patch.encode("utf-8", "surrogateescape")
    try:
        touched = patch_names(data)
    except GitError as error:
        raise PatchConflictError(f"the patch does not fit {remote.url}: {error}") from None
    if name := touched.of_git():
        raise PatchConflictError(
            f"the patch does not fit {remote.url}: {name!r} may be git's own folder"
        )
    slow = slow_for_patch(root, list(tracked_names(root, SEALED)), data, touched)
    if slow is not None:
        raise PolicyError(
            f"git would take too long over a pattern in {slow.name} of {remote.url}; {REMEDY}"
        )
    applied = run_git(
        ["apply", "--index", "--whitespace=nowarn", "-"],
        root,
        seconds,
        trust=SEALED,
        stdin=data,
        check=False,
    )
    if applied.returncode != 0:
        raise PatchConflictError(f"the patch does not fit {remote.url}: {applied.reason()}")
    tree = _line(run_git(["write-tree"], root, seconds, trust=SEALED).stdout)
    parent = _line(run_git(["rev-parse", "HEAD"], root, seconds, trust=SEALED).stdout)
    text = redact(message, secrets, suspected=True)
    args = ["commit-tree", "-p", parent, "-F", "-", tree]
    made = run_git(args, root, seconds, trust=SEALED, stdin=text.encode("utf-8", "replace"))
    commit = _line(made.stdout)
    name = f"refs/heads/{branch}"
    # An empty expectation: there must be no such branch.
    args = ["push", "--quiet", "--no-verify", "--no-follow-tags", f"--force-with-lease={name}:"]
    remote.run(args, root, [remote.url, f"{commit}:{name}"])
    return commit


def commit_message(task: str, run: str) -> str:
    """What the commit says: the task, and the run that made it.

    :param run: how the run can be found.
    """
    lines = [" ".join(line.split()) for line in task.splitlines() if line.strip()]
    subject = lines[0] if lines else "A task"
    if len(subject) > _SUBJECT_CHARS:
        subject = f"{subject[: _SUBJECT_CHARS - 1].rstrip()}…"
    return f"{subject}\n\nMade by {run}, from this task:\n\n{task.strip()}\n"


def _line(output: bytes) -> str:
    return output.decode("ascii").strip()
