"""Runs git on repositories that nobody has vetted.

A repository is data here, yet git can be told by its configuration to start programs: hooks, a
file system monitor, filters, transports, lazy fetches of a partial clone. Every call therefore
carries settings that win over the repository's own, and an environment without the variables
that would point git at another repository (as when Harness runs inside a git hook). Callers
stay with plumbing that needs no content filter: no ``status``, no ``diff`` with text.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import GitError, TransientError

logger = logging.getLogger(__name__)

NETWORK_PROTOCOLS = ("http", "https", "ssh", "git")
LOCAL_PROTOCOLS = ("file",)

# The command line's scope wins over the repository's file, which is not trusted.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=keep",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    # A mounted volume often belongs to another user than the container's. The check protects
    # from configuration that runs programs, which the lines above turn off. Honoured on the
    # command line since git 2.38; for older ones the error names the setting.
    "safe.directory=*",
)

# What `git rev-parse --local-env-vars` lists, less GIT_CONFIG_COUNT: that one holds settings of
# the user (a proxy, a token) which are wanted. Then what changes how pathspecs are read.
_DROPPED_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_ATTR_SOURCE",
        "GIT_EXTERNAL_DIFF",
        "GIT_TEMPLATE_DIR",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    }
)

_REMEDIES = (
    (
        "dubious ownership",
        "run `git config --global --add safe.directory <folder>`, or upgrade git to 2.38 or newer",
    ),
    ("index file corrupt", "repair it with `rm .git/index && git reset`"),
    ("bad index file", "repair it with `rm .git/index && git reset`"),
    ("index file smaller than expected", "repair it with `rm .git/index && git reset`"),
    ("no space left on device", "free some space and try again"),
    ("unknown repository extension", "upgrade git"),
    ("expected git repo version", "upgrade git"),
)

# user:password@ of any URL in a message; query strings may hold a token too.
_USERINFO = re.compile(r"(?<=://)[^/\s'\"@]+@")
_QUERY = re.compile(r"(://[^\s'\"?]*)\?[^\s'\"]+")


@dataclass(frozen=True, slots=True)
class GitOutput:
    """What a finished git command left. ``stderr`` is decoded and free of credentials."""

    returncode: int
    stdout: bytes
    stderr: str

    def reason(self) -> str:
        """Git's own one-line reason, the first ``fatal:`` or ``error:`` line where there is one."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        for prefix in ("fatal: ", "error: ", "ERROR: "):
            for line in lines:
                if line.startswith(prefix):
                    return line.removeprefix(prefix)
        return lines[-1] if lines else f"exit code {self.returncode}"


def redact(text: str) -> str:
    """Take credentials out of every URL in a text.

    User names of ssh addresses (``git@host:path``) are no secret and stay.
    """
    without_user = _USERINFO.sub(lambda m: "git@" if m.group() == "git@" else "***@", text)
    return _QUERY.sub(r"\1?***", without_user)


def run_git(
    args: Sequence[str],
    cwd: Path,
    timeout_seconds: float,
    *,
    operands: Sequence[str] = (),
    stdin: bytes = b"",
    protocols: Sequence[str] = (),
    config: Mapping[str, str] | None = None,
    check: bool = True,
) -> GitOutput:
    """Run one git command without a shell, a terminal, hooks or prompts.

    :param args: subcommand and options, all of them constants of the caller.
    :param cwd: folder to run in.
    :param timeout_seconds: after it the command and its children are killed.
    :param operands: values from outside (paths, URLs, refs); passed after ``--``, so that none
        is read as an option.
    :param stdin: bytes to feed; nothing by default, so that git never waits for a terminal.
    :param protocols: transports the command may use; none by default, which also keeps a
        partial clone from fetching (and so from starting what its configuration names).
    :param config: settings passed through the environment, where other users of the machine
        cannot read them; the place for URLs with credentials.
    :param check: raise when git exits with another code than 0.
    :returns: the output; ``stdout`` raw (use ``-z``).
    :raises GitError: git is not installed, or it failed and ``check`` is set.
    :raises TransientError: the time is up.
    """
    executable = shutil.which("git")
    if executable is None:
        raise GitError("git was not found on PATH; install git (2.38 or newer is best)")
    command = [executable]
    for setting in _SETTINGS:
        command += ["-c", setting]
    command += args
    if operands:
        command += ["--", *operands]
    name = args[0] if args else ""
    logger.debug("git %s in %s", name, cwd)
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=_environment(protocols, config or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A session of its own: ssh finds no terminal to ask on, and the whole group (ssh,
        # remote helpers) can be killed without leaving one that keeps the pipes open.
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            raise TransientError(
                f"git {name} took longer than {timeout_seconds:g} s and was stopped; "
                "try again or allow more time"
            ) from None
        finally:
            if process.returncode is None:
                _kill_group(process)
    output = GitOutput(
        returncode=process.returncode,
        stdout=stdout,
        stderr=redact(stderr.decode("utf-8", "replace")),
    )
    if check and output.returncode != 0:
        raise git_error(name, output)
    return output


def git_error(name: str, output: GitOutput) -> GitError:
    """Make the one-line error of a failed command, with a remedy where one is known."""
    reason = output.reason()
    text = output.stderr.lower()
    remedy = next((fix for sign, fix in _REMEDIES if sign in text), "see `git fsck` there")
    return GitError(f"git {name} failed: {reason}; {remedy}")


def _environment(protocols: Sequence[str], config: Mapping[str, str]) -> dict[str, str]:
    """Environment of the child: the user's, less what would redirect git, plus our limits."""
    environment = {key: value for key, value in os.environ.items() if key not in _DROPPED_VARIABLES}
    # A GIT_CONFIG_COUNT that is no number makes git fail; it was of no use before either.
    inherited = environment.get("GIT_CONFIG_COUNT", "")
    count = int(inherited) if inherited.isascii() and inherited.isdigit() else 0
    for number, (key, value) in enumerate(config.items(), start=count):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    environment["GIT_CONFIG_COUNT"] = str(count + len(config))
    environment.update(
        GIT_TERMINAL_PROMPT="0",
        GIT_OPTIONAL_LOCKS="0",
        GIT_NO_LAZY_FETCH="1",
        GIT_LFS_SKIP_SMUDGE="1",
        # The one list that configuration of any scope cannot widen. An empty value would do,
        # yet some platforms drop empty variables.
        GIT_ALLOW_PROTOCOL=":".join(protocols) or "none",
        GIT_PAGER="cat",
        LC_ALL="C",
        LANGUAGE="C",
    )
    return environment


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.wait()
