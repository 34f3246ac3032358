"""Turns what a user names (a folder, or a git URL) into a folder to index.

A URL is cloned into the data directory, one commit deep, and later calls bring the clone up to
date. It is prepared in a temporary folder and then renamed, so that a clone that exists is always
complete; when an update fails, the clone stays as it was.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import RepositoryNotFoundError, TransientError, UsageError
from harness.home import from_home
from harness.repository.credentials import redact, redact_urls
from harness.repository.folder_signs import DiskTree
from harness.repository.git import (
    LOCAL_PROTOCOLS,
    NETWORK_PROTOCOLS,
    GitOutput,
    git_error,
    run_git,
)
from harness.repository.skip_names import VCS_FOLDERS, skip_folder_by_name
from harness.repository.sources import (
    CHECKOUTS_FOLDER,
    clone_folder,
    is_git_url,
    secrets_of,
    url_identity,
    url_name,
    without_credentials,
)
from harness.text import encodable

logger = logging.getLogger(__name__)

# LFS objects are large and binary, so only their pointers are checked out. A filter in the user's
# configuration would otherwise download them, or fail where git-lfs is not installed.
_CHECKOUT_CONFIG = {
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.clean": "",
    "filter.lfs.required": "false",
    "core.autocrlf": "false",
    # Give up on a stalled connection long before the time-out.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "credential.interactive": "false",
}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder to index. ``url`` is free of credentials; None for a folder of the user's own."""

    name: str
    root: Path
    url: str | None

    @property
    def source(self) -> str:
        """The repository's identity; see :func:`harness.repository.sources.source_of`."""
        return str(self.root) if self.url is None else url_identity(self.url)


def resolve_source(path_or_url: str, *, data_dir: Path, timeout_seconds: float) -> Checkout:
    """Find or fetch the folder that a user names.

    :param path_or_url: a folder, or a git URL (see :func:`harness.repository.sources.is_git_url`).
    :param data_dir: clones are kept in ``checkouts/`` below it; calls from several processes
        wait for each other.
    :param timeout_seconds: limit of the wait for another process, and of each git command.
    :returns: name and folder. The name is that of the folder, or the last part of the URL.
    :raises RepositoryNotFoundError: no such folder, or the URL cannot be fetched.
    :raises UsageError: a bare repository.
    :raises TransientError: the time is up.
    :raises GitError: git is missing or failed on the clone.
    """
    if is_git_url(path_or_url):
        return _resolve_url(path_or_url, data_dir, timeout_seconds)
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


def _resolve_url(url: str, data_dir: Path, timeout_seconds: float) -> Checkout:
    clean = without_credentials(url)
    name = url_name(clean)
    checkouts = data_dir.resolve() / CHECKOUTS_FOLDER
    checkouts.mkdir(parents=True, exist_ok=True)
    root = checkouts / clone_folder(url_identity(clean))
    remote = _Remote(url, clean, timeout_seconds)
    try:
        with FileLock(f"{root}.lock", timeout=timeout_seconds):
            _refresh(remote, root)
    except Timeout:
        raise TransientError(
            f"another process has been updating the clone of {clean} for "
            f"{timeout_seconds:g} s; try again later"
        ) from None
    return Checkout(name=name, root=root, url=clean)


@dataclass(frozen=True, slots=True)
class _Remote:
    """A URL to fetch, with and without its credentials."""

    url: str
    clean: str
    timeout_seconds: float

    @property
    def is_local(self) -> bool:
        return self.clean.lower().startswith("file:")

    def fetch(self, clone: Path) -> bool:
        """Fetch the newest commit of the default branch; False when there is none at all."""
        args = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
        args += ["--update-shallow", "--no-auto-maintenance"]
        if self.is_local:
            # The other end runs here too, and checks the owner without our settings.
            args.append("--upload-pack=git -c 'safe.directory=*' upload-pack")
        config = dict(_CHECKOUT_CONFIG)
        if self.url != self.clean:
            # Neither in the arguments, which other users can see, nor in the clone's configuration.
            config[f"url.{self.url}.insteadOf"] = self.clean
        output = run_git(
            args,
            clone,
            self.timeout_seconds,
            operands=[self.clean, "+HEAD:refs/harness/head"],
            protocols=LOCAL_PROTOCOLS if self.is_local else NETWORK_PROTOCOLS,
            config=config,
            check=False,
        )
        if output.returncode == 0:
            return True
        if "couldn't find remote ref head" in output.stderr.lower():
            return False
        raise self._unreachable(output, clone)

    def _unreachable(self, output: GitOutput, clone: Path) -> Exception:
        if "no space left on device" in output.stderr.lower():
            return git_error("fetch", output)
        reason = redact(output.reason(), secrets_of(self.url))
        kept = (
            "; the former clone is unchanged" if (clone / ".git/refs/harness/head").exists() else ""
        )
        return RepositoryNotFoundError(
            f"cannot fetch {self.clean}: {reason}; check the address, the network and your "
            f"credentials{kept}"
        )


def _refresh(remote: _Remote, root: Path) -> None:
    """Clone, or update the clone that is there. The caller holds the lock."""
    for leftover in root.parent.glob(f"{root.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a process that was killed
    if _is_usable(root, remote.timeout_seconds):
        _remove_stale_locks(root)
        _update(remote, root)
        return
    fresh = Path(tempfile.mkdtemp(prefix=f"{root.name}.tmp-", dir=root.parent))
    try:
        run_git(["init", "--quiet", "--template="], fresh, remote.timeout_seconds)
        _update(remote, fresh)
        if root.exists():
            root.rename(f"{fresh}-replaced")
        fresh.rename(root)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(f"{fresh}-replaced", ignore_errors=True)


def _is_usable(root: Path, timeout_seconds: float) -> bool:
    if not (root / ".git").is_dir():
        return False
    output = run_git(["rev-parse", "--show-prefix"], root, timeout_seconds, check=False)
    # A damaged .git makes git look further up: then the root is inside something else.
    return output.returncode == 0 and output.stdout == b"\n"


def _update(remote: _Remote, clone: Path) -> None:
    if not remote.fetch(clone):
        logger.warning("%s has no commits yet", remote.clean)
        return
    args = ["reset", "--quiet", "--hard", "refs/harness/head"]
    run_git(args, clone, remote.timeout_seconds, config=_CHECKOUT_CONFIG)
    # What a reset that was killed half-way left behind would otherwise be listed as untracked.
    run_git(["clean", "-ffdxq"], clone, remote.timeout_seconds, config=_CHECKOUT_CONFIG)


def _remove_stale_locks(root: Path) -> None:
    """Remove git's own lock files: ours is held, so their owner was killed."""
    for lock in (root / ".git").rglob("*.lock"):
        lock.unlink(missing_ok=True)
