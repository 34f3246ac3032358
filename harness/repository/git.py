"""The one way to run git: on repositories that nobody has vetted.

A repository is data here, yet git can be told by its configuration to start programs: hooks, a
file system monitor, filters, transports, lazy fetches of a partial clone. Every call therefore
carries settings that take precedence over the repository's own, and an environment without the
variables that would point git at another repository (as when Harness runs inside a git hook).
Callers stay with plumbing that needs no content filter: no ``status``, no ``diff`` with text.

How much of the machine's configuration counts is a :class:`Trust`: :data:`USER` to talk to
remotes, :data:`SEALED` for everything about an agent's copy.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import GitError, TransientError
from harness.repository.credentials import redact_urls
from harness.repository.limited_process import OutputTooLargeError, run_limited

logger = logging.getLogger(__name__)

NETWORK_PROTOCOLS = ("http", "https", "ssh", "git")
LOCAL_PROTOCOLS = ("file",)

# The command line's scope takes precedence over the repository's file, which is not trusted.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    # A mounted volume often belongs to another user than the container's. The check protects
    # from configuration that runs programs, which the lines above turn off. Honoured on the
    # command line since git 2.38; for older ones the error names the setting.
    "safe.directory=*",
)

# Never ask, never wait for a lock, never fetch what is missing, never download LFS files; words
# in English, because some are looked for.
_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}

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
    ("patch does not apply", "apply what fits with `git apply --reject`"),
    ("already exists in working directory", "move that file out of the way"),
    ("unknown repository extension", "upgrade git"),
    ("expected git repo version", "upgrade git"),
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose configuration a git command follows, besides what every command is given.

    ``settings`` go on the command line and ``variables`` into the environment. With
    ``inherits_environment`` the command sees this process's variables, and with them the user's
    and the system's configuration; without, only where programs are. Output beyond
    ``max_output_bytes`` ends the command.
    """

    settings: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    inherits_environment: bool = False
    max_output_bytes: int = 1_000_000_000


USER = Trust(
    settings=("core.untrackedCache=keep", "core.quotePath=false"), inherits_environment=True
)
"""With the proxies, credentials and ignore files of the user and the system: remotes are reached
as the user reaches them, and what the user ignores stays ignored."""

SEALED = Trust(
    settings=(
        "core.untrackedCache=false",
        "core.attributesFile=/dev/null",
        "core.excludesFile=/dev/null",
        "core.alternateRefsCommand=true",
        "core.sshCommand=false",
        "core.pager=cat",
        "diff.external=",
        "diff.ignoreSubmodules=all",
        "protocol.allow=never",
        "protocol.file.allow=never",
        "credential.helper=",
        "commit.gpgSign=false",
    ),
    variables=(
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", os.devnull),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_AUTHOR_NAME", "harness"),
        ("GIT_AUTHOR_EMAIL", "harness@localhost"),
        ("GIT_COMMITTER_NAME", "harness"),
        ("GIT_COMMITTER_EMAIL", "harness@localhost"),
    ),
    max_output_bytes=256_000_000,
)
"""Configuration of the user and the system is not read, and what a repository's own could start
is overridden: results depend on the repository's data alone."""


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


class TooMuchOutputError(GitError):
    """git wrote more than its :class:`Trust` allows, and was stopped."""


def run_git(
    args: Sequence[str],
    cwd: Path,
    timeout_seconds: float,
    *,
    trust: Trust = USER,
    operands: Sequence[str] = (),
    stdin: bytes = b"",
    protocols: Sequence[str] = (),
    config: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    variables: Mapping[str, str] | None = None,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    check: bool = True,
) -> GitOutput:
    """Run one git command without a shell, a terminal, hooks or prompts.

    :param args: subcommand and options, all of them constants of the caller.
    :param cwd: folder to run in.
    :param timeout_seconds: after it the command and its children are killed.
    :param trust: whose configuration counts.
    :param operands: values from outside (paths, URLs, refs); passed after ``--``, so that none
        is read as an option.
    :param stdin: bytes to feed; nothing by default, so that git never waits for a terminal.
    :param protocols: transports the command may use; none by default, which also keeps a
        partial clone from fetching (and so from starting what its configuration names).
    :param config: settings passed through the environment, where other users of the machine
        cannot read them; as pairs when a key comes several times.
    :param variables: more of the environment; our own limits take precedence.
    :param git_dir: the repository; None: the one that holds ``cwd``.
    :param work_tree: the files that belong to ``git_dir``.
    :param check: raise when git exits with a code other than 0.
    :returns: the output; ``stdout`` raw (use ``-z``).
    :raises GitError: git is not installed, cannot be started there, writes too much, or failed
        and ``check`` is set.
    :raises TransientError: the time is up.
    """
    executable = shutil.which("git")
    if executable is None:
        raise GitError("git was not found on PATH; install git (2.38 or newer is best)")
    command = [executable]
    for setting in (*_SETTINGS, *trust.settings):
        command += ["-c", setting]
    command += args
    if operands:
        command += ["--", *operands]
    name = args[0] if args else ""
    pairs = tuple(config.items() if isinstance(config, Mapping) else config)
    environment = _environment(executable, trust, protocols, pairs, variables or {})
    if git_dir is not None:
        environment["GIT_DIR"] = str(git_dir)
    if work_tree is not None:
        environment["GIT_WORK_TREE"] = str(work_tree)
    logger.debug("git %s in %s", name, cwd)
    try:
        finished = run_limited(
            command,
            cwd,
            environment,
            stdin=stdin,
            timeout_seconds=timeout_seconds,
            max_output_bytes=trust.max_output_bytes,
        )
    except OutputTooLargeError:
        raise TooMuchOutputError(
            f"git {name} wrote more than {trust.max_output_bytes / 1e6:g} MB and was stopped; "
            "leave large files out with .gitignore"
        ) from None
    except TimeoutError:
        raise TransientError(
            f"git {name} took longer than {timeout_seconds:g} s and was stopped; "
            "try again or allow more time"
        ) from None
    except OSError as error:
        raise GitError(f"git {name} cannot be started in {cwd} ({error.strerror})") from None
    output = GitOutput(
        returncode=finished.returncode,
        stdout=finished.stdout,
        stderr=redact_urls(finished.stderr.decode("utf-8", "replace")),
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


def _environment(
    executable: str,
    trust: Trust,
    protocols: Sequence[str],
    config: Sequence[tuple[str, str]],
    variables: Mapping[str, str],
) -> dict[str, str]:
    """Environment of the child, less what would redirect git, plus our limits."""
    if trust.inherits_environment:
        environment = {k: v for k, v in os.environ.items() if k not in _DROPPED_VARIABLES}
    else:
        environment = {"PATH": os.pathsep.join((str(Path(executable).parent), os.defpath))}
    # A GIT_CONFIG_COUNT that is not a number makes git fail; it was of no use before either.
    inherited = environment.get("GIT_CONFIG_COUNT", "")
    count = int(inherited) if inherited.isascii() and inherited.isdigit() else 0
    for number, (key, value) in enumerate(config, start=count):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    environment["GIT_CONFIG_COUNT"] = str(count + len(config))
    environment.update(variables)
    environment.update(_VARIABLES)
    environment.update(trust.variables)
    # The one list that configuration of any scope cannot widen. An empty value would do, yet some
    # platforms drop empty variables.
    environment["GIT_ALLOW_PROTOCOL"] = ":".join(protocols) or "none"
    return environment
