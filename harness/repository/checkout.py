"""Turns what a user names (a folder, or a git URL) into a folder to index: a folder as it is, a URL
as a checkout of one commit (:mod:`harness.repository.mirrors`)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RepositoryNotFoundError, UsageError
from harness.home import from_home
from harness.repository.credentials import redact_urls
from harness.repository.elsewhere import Extra
from harness.repository.folder_signs import DiskTree
from harness.repository.mirrors import check_out
from harness.repository.remotes import open_remote
from harness.repository.skip_names import VCS_FOLDERS, skip_folder_by_name
from harness.repository.sources import (
    is_git_url,
    url_identity,
    url_name,
)
from harness.text import encodable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder to index. ``url`` is free of credentials; None for a folder of the user's own.
    ``commit`` is what was checked out of a URL, empty for a folder and before the first commit."""

    name: str
    root: Path
    url: str | None
    commit: str = ""

    @property
    def source(self) -> str:
        """The repository's identity; see :func:`harness.repository.sources.source_of`."""
        return str(self.root) if self.url is None else url_identity(self.url)


def resolve_source(
    path_or_url: str,
    *,
    into: Path | None,
    data_dir: Path,
    timeout_seconds: float,
    ref: str = "",
    credential: str = "",
    credentials_dir: Path | None = None,
    submodules: bool = False,
    lfs_bytes: int = 0,
    indexed: str = "",
) -> Checkout:
    """Find or fetch the folder that a user names.

    :param path_or_url: a folder, or a git URL (see :func:`harness.repository.sources.is_git_url`).
    :param into: where the files of a URL go (:func:`harness.repository.mirrors.work_folder`);
        whatever is there is removed. A folder of the user's is read where it is.
    :param data_dir: mirrors are kept below it; calls from several processes wait for each other.
    :param timeout_seconds: limit of the wait for another process, and of each git command.
    :param ref: branch, tag or commit of a URL; empty: its default branch.
    :param credential: name of the credential for a URL; empty: what the URL holds, or the user's
        own means.
    :param credentials_dir: where credentials are (:mod:`harness.repository.logins`).
    :param submodules: whether a URL's submodules are fetched.
    :param lfs_bytes: a URL's LFS files up to this size are fetched, 0: none.
    :param indexed: the commit of a URL that is in the index, if any: a server that has lost all of
        them is then an error, for nothing is forgotten by itself.
    :returns: name, folder and commit. The name is that of the folder, or the last part of the URL.
    :raises RepositoryNotFoundError: no such folder, repository, branch or tag.
    :raises CredentialError: the server refuses, or the credential cannot be used.
    :raises ServiceUnavailableError: the server does not answer.
    :raises UsageError: a bare repository.
    :raises TransientError: the time is up.
    :raises GitError: git is missing or failed on the clone.
    """
    if is_git_url(path_or_url):
        if into is None:
            raise ValueError("a URL needs a folder for its files")
        remote = open_remote(
            path_or_url,
            timeout_seconds=timeout_seconds,
            credential=credential,
            credentials_dir=credentials_dir,
        )
        extra = Extra(submodules, lfs_bytes, credentials_dir)
        commit = check_out(remote, ref, into, data_dir=data_dir, extra=extra)
        if indexed and not commit:
            raise RepositoryNotFoundError(
                f"{remote.url} has no commits any more, and {indexed[:9]} was indexed; push them "
                "again"
            )
        if not commit:
            logger.warning("%s has no commits yet", remote.url)
        return Checkout(url_name(remote.url), into, remote.url, commit)
    return local_folder(path_or_url)


def discover(root: Path) -> list[Path]:
    """Find the repositories below a folder, sorted by path.

    :param root: a folder; when it is a repository itself, it is the only one found.
    :returns: folders that hold a ``.git`` (repositories nested in one of them are not listed);
        when there is none, every direct subfolder that is not hidden. Links are not followed.
    :raises RepositoryNotFoundError: no such folder.
    """
    root = from_home(root)
    if not root.is_dir():
        raise RepositoryNotFoundError(f"{root} is not a folder; give one that holds repositories")
    root = root.resolve()
    found = sorted(_repositories(root))
    return found or sorted(
        folder for folder in _subfolders(root) if not folder.name.startswith(".")
    )


def _repositories(root: Path) -> Iterator[Path]:
    pending = [root]
    while pending:
        folder = pending.pop()
        if os.path.lexists(folder / ".git"):
            yield folder
            continue
        for child in _subfolders(folder):
            relative = child.relative_to(root).as_posix()
            if skip_folder_by_name(DiskTree(root), relative, in_git=True) is None:
                pending.append(child)


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [
                folder / entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and entry.name.lower() not in VCS_FOLDERS
            ]
    except OSError as error:
        logger.warning("%s cannot be read (%s); left out", folder, error.strerror)
        return []


def local_folder(text: str) -> Checkout:
    """Find the folder that a user names.

    :raises RepositoryNotFoundError: no such folder.
    :raises UsageError: a bare repository, or the inside of one.
    """
    if not text or "\0" in text:
        raise RepositoryNotFoundError("the path is empty or malformed; give a folder or a git URL")
    path = from_home(text)
    try:
        is_folder, exists = path.is_dir(), os.path.lexists(path)
    except OSError as error:  # a name that is too long, a folder above that cannot be entered
        raise RepositoryNotFoundError(
            f"{redact_urls(text)} cannot be opened ({error.strerror}); check the path"
        ) from error
    if not exists:
        raise RepositoryNotFoundError(
            f"{redact_urls(text)} does not exist; give an existing folder or a git URL "
            "(https://…, ssh://…, git@host:path, file://…)"
        )
    if not is_folder:
        raise RepositoryNotFoundError(f"{text} is not a folder; give the folder it is in")
    root = path.resolve()
    is_bare = all((root / name).exists() for name in ("HEAD", "objects", "refs"))
    if is_bare and root.name == ".git":
        raise UsageError(f"{text} is the inside of a repository; give the folder above it")
    if is_bare and not os.path.lexists(root / ".git"):
        raise UsageError(
            f"{text} is a bare repository and holds no files to read; "
            f"index a clone of it: harness index file://{root}"
        )
    return Checkout(name=encodable(root.name) or "root", root=root, url=None)
