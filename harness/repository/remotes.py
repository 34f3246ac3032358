"""A git server's repository: what its branches point to, and fetching from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RepositoryNotFoundError, UsageError
from harness.repository.git import (
    LOCAL_PROTOCOLS,
    NETWORK_PROTOCOLS,
    GitOutput,
    run_git,
)
from harness.repository.git_access import GitAccess, access_to
from harness.repository.remote_errors import remote_error
from harness.repository.sources import without_credentials

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What `git check-ref-format` refuses, and what has a meaning of its own in a refspec.
_NO_REF = re.compile(r"^[-/]|[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|[./]$|\.lock$")

# LFS objects are large and binary, so only their pointers are checked out. A filter in the user's
# configuration would otherwise download them, or fail where git-lfs is not installed.
CHECKOUT_CONFIG = {
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.clean": "",
    "filter.lfs.required": "false",
    "core.autocrlf": "false",
    "safe.bareRepository": "all",
    # Few files, which can be shared by links.
    "fetch.unpackLimit": "1",
    # Give up on a stalled connection long before the time-out.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "credential.interactive": "false",
}


@dataclass(frozen=True, slots=True)
class Remote:
    """A URL, without credentials, and how git gets in.

    ``timeout_seconds`` is the limit of each git command.
    """

    url: str
    access: GitAccess
    timeout_seconds: float

    @property
    def is_local(self) -> bool:
        """The other end is a folder of this machine."""
        return self.url.lower().startswith("file:")

    def find(self, ref: str) -> tuple[str, str]:
        """What a branch, tag or commit is on the server.

        :param ref: its short name; empty: the default branch.
        :returns: what to fetch, and the commit there, empty for a commit that was named: only
            fetching it tells whether it is there. Both empty when the repository has no commits.
        :raises RepositoryNotFoundError: there is no such branch, tag or repository, or the default
            branch is gone while others are there.
        :raises CredentialError: the server refuses.
        :raises ServiceUnavailableError: it does not answer.
        """
        if COMMIT.fullmatch(ref):
            return ref, ""
        if ref and _NO_REF.search(ref):
            raise UsageError(f"{ref!r} is not a branch, a tag or a whole commit id")
        wanted = [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else ["HEAD"]
        peeled = [f"{name}^{{}}" for name in wanted[1:]]
        output = self.run(["ls-remote", "--quiet"], Path("/"), [self.url, *wanted, *peeled])
        lines = output.stdout.decode("utf-8", "replace").split("\n")
        found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        for name in wanted:
            if name in found:
                return name, found.get(f"{name}^{{}}", found[name])
        if ref:
            raise RepositoryNotFoundError(
                f"{self.url} has no branch or tag {ref!r}; check its spelling, and name a commit "
                "by its whole id"
            )
        # A HEAD that names no branch is not shown; nor is that of a repository without commits.
        if self.run(["ls-remote", "--quiet", "--heads"], Path("/"), [self.url]).stdout:
            raise RepositoryNotFoundError(
                f"{self.url} has branches, but the one that its server calls the default is not "
                "among them; name one (--ref), or set the server's default branch"
            )
        return "", ""

    def ask(self) -> None:
        """Find out whether the server lets us read the repository.

        :raises HarnessError: as :meth:`find`.
        """
        self.run(["ls-remote", "--quiet"], Path("/"), [self.url, "HEAD"])

    def fetch(self, refspec: str, folder: Path) -> None:
        """Fetch what a refspec names, one commit deep.

        :param folder: a repository, or its git directory.
        :raises HarnessError: as :meth:`find`.
        """
        args = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
        args += ["--update-shallow", "--no-auto-maintenance", "--no-write-fetch-head"]
        self.run(args, folder, [self.url, refspec])

    def run(self, args: Sequence[str], folder: Path, operands: Sequence[str]) -> GitOutput:
        """Run a git command that talks to the server; raises as :meth:`find`."""
        options = list(args)
        if self.is_local:
            # The other end runs here too, and checks the owner without our settings.
            program = "receive-pack" if args[0] == "push" else "upload-pack"
            options.append(f"--{program}=git -c 'safe.directory=*' {program}")
        output = run_git(
            options,
            folder,
            self.timeout_seconds,
            operands=operands,
            protocols=LOCAL_PROTOCOLS if self.is_local else NETWORK_PROTOCOLS,
            config=(*CHECKOUT_CONFIG.items(), *self.access.config),
            variables=self.access.variables,
            check=False,
        )
        if output.returncode != 0:
            raise remote_error(args[0], self.url, output, self.access)
        return output


def open_remote(
    url: str,
    *,
    timeout_seconds: float,
    credential: str = "",
    credentials_dir: Path | None = None,
) -> Remote:
    """The repository that a URL leads to; the server is not asked.

    :param url: may hold a credential, unless one is named.
    :raises CredentialError: the named credential cannot be used for it.
    :raises RepositoryNotFoundError: the URL is not valid.
    """
    clean = without_credentials(url)
    return Remote(clean, access_to(url, credential, credentials_dir), timeout_seconds)
