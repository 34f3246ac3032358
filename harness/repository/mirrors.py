"""Mirrors of git servers' repositories, and checkouts of one commit from them.

A mirror is a bare repository in the data directory with the commits that were asked for, each
without its history. It is a cache: when it is missing, damaged or has grown, it is made anew.
Whoever needs files gets a checkout of its own, which shares the mirror's objects by hard links and
does not need it afterwards. So two runs never see each other's files, and neither needs a disk that
another machine can see.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import GitError, RepositoryNotFoundError, TransientError
from harness.files import private_folder
from harness.repository.attributes import ATTRIBUTES, REMEDY, is_slow
from harness.repository.blobs import EXECUTABLE, REGULAR, contents, entries, write_files
from harness.repository.elsewhere import Extra
from harness.repository.extent import Extent, extent_of, require_room
from harness.repository.git import SEALED, run_git
from harness.repository.lfs import replace_pointers
from harness.repository.remotes import CHECKOUT_CONFIG, COMMIT, Remote
from harness.repository.sources import (
    CHECKOUTS_FOLDER,
    clone_folder,
    is_git_url,
    source_of,
    url_identity,
)
from harness.repository.submodules import merge_submodules

logger = logging.getLogger(__name__)

MIRRORS_FOLDER = "mirrors"
WORK_FOLDER = "checked-out"
LFS_SUFFIX = ".lfs"
_FETCHED = "refs/harness/fetched"
# Each fetch that brings something adds one; git looks through all of them for an object.
_MOST_PACKS = 50


@contextmanager
def own_folder(name: str, data_dir: Path) -> Iterator[Path]:
    """A new private folder for one run, removed at its end; what killed processes left is removed
    as well.

    :param name: its name begins so.
    """
    parent = private_folder(data_dir.resolve() / WORK_FOLDER)
    _sweep(parent)
    folder = parent / f"{name}-{secrets.token_hex(6)}"
    # The lock first: a folder without one is nobody's.
    lock = FileLock(f"{folder}.lock", mode=0o600)
    with lock:
        try:
            yield private_folder(folder)
        finally:
            _remove(folder)
            Path(lock.lock_file).unlink(missing_ok=True)


@contextmanager
def work_folder(path_or_url: str, data_dir: Path) -> Iterator[Path | None]:
    """A place for one run's checkout of a URL.

    :returns: None for a folder, which is read where it is.
    :raises RepositoryNotFoundError: a URL that is not valid.
    """
    if not is_git_url(path_or_url):
        yield None
        return
    with own_folder(clone_folder(source_of(path_or_url)), data_dir) as folder:
        yield folder


def check_out(
    remote: Remote,
    ref: str,
    folder: Path,
    *,
    data_dir: Path,
    extra: Extra = Extra(),  # noqa: B008 - frozen
) -> str:
    """Put the files of a branch, tag or commit into a folder, as a repository of its own.

    The server is asked where a branch points to; a commit that the mirror has is checked out
    without it. Submodules and large files are in the folder's index like any other file, where
    they are fetched; they are no part of the commit that HEAD names.

    :param ref: empty: the default branch.
    :param folder: whatever is in it is removed first.
    :param extra: whether submodules and LFS objects are fetched.
    :returns: the commit, empty when the repository has none.
    :raises RepositoryNotFoundError: there is no such repository, branch, tag or commit.
    :raises UsageError: it has too many files, or they are too large for the disk.
    :raises CredentialError: the server refuses.
    :raises ServiceUnavailableError: it does not answer.
    :raises TransientError: another process has held the mirror for the whole time-out.
    :raises GitError: git is missing or failed here, for instance because the disk is full.
    """
    _clear(folder)
    run_git(["init", "--quiet", "--template="], folder, remote.timeout_seconds)
    commit = _bring(remote, ref, folder, data_dir)
    name = clone_folder(url_identity(remote.url))
    _remove_former_clone(data_dir.resolve() / CHECKOUTS_FOLDER / name)
    if not commit:
        return ""
    extent = extent_of(commit, folder, remote.timeout_seconds, remote.url)
    require_room(extent, folder, remote.url)
    args = ["update-ref", "--no-deref", "HEAD"]
    run_git(args, folder, remote.timeout_seconds, operands=[commit])
    with_extra = _with_extra(remote, commit, folder, data_dir, extra, extent)
    _write(with_extra, folder, remote)
    if with_extra != commit:
        run_git(args, folder, remote.timeout_seconds, operands=[commit])
    return commit


def _bring(remote: Remote, ref: str, folder: Path, data_dir: Path) -> str:
    """Put a commit's objects into a repository, by way of the mirror; the commit."""
    mirror = _mirror(remote, data_dir)
    with _held(mirror, remote):
        commit = _fetched(remote, ref, mirror)
        if commit:
            _share(mirror, folder / ".git")
    return commit


def _mirror(remote: Remote, data_dir: Path) -> Path:
    name = clone_folder(url_identity(remote.url))
    return private_folder(data_dir.resolve() / MIRRORS_FOLDER) / f"{name}.git"


@contextmanager
def _held(mirror: Path, remote: Remote) -> Iterator[None]:
    """Keep other processes away from a mirror, and from its large files."""
    try:
        with FileLock(f"{mirror}.lock", timeout=remote.timeout_seconds, mode=0o600):
            yield
    except Timeout:
        raise TransientError(
            f"another process has been fetching {remote.url} for {remote.timeout_seconds:g} s; "
            "try again later"
        ) from None


def _with_extra(
    remote: Remote, commit: str, folder: Path, data_dir: Path, extra: Extra, extent: Extent
) -> str:
    """A commit of this folder only that has the submodules and large files as well; the commit
    itself where there are none."""
    if not extra.submodules and not extra.lfs_bytes:
        return commit
    run_git(["read-tree", commit], folder, remote.timeout_seconds)
    changed = False
    if extra.lfs_bytes:
        # Before submodules, whose large files are on servers of their own.
        mirror = _mirror(remote, data_dir)
        with _held(mirror, remote):
            changed = replace_pointers(remote, folder, mirror.with_suffix(LFS_SUFFIX), extra)
    if extra.submodules:

        def bring(source: Remote, wanted: str) -> None:
            # Another repository's run may have left the commit here: whether this one may read it
            # is for the server to say.
            source.ask()
            _bring(source, wanted, folder, data_dir)

        credentials_dir = extra.credentials_dir
        changed |= merge_submodules(remote, commit, folder, bring, credentials_dir, extent)
    if not changed:
        return commit

    def git(*args: str) -> str:
        output = run_git(args, folder, remote.timeout_seconds, trust=SEALED)
        return output.stdout.decode("ascii").strip()

    return git("commit-tree", "-m", "with submodules and large files", git("write-tree"))


def _write(commit: str, folder: Path, remote: Remote) -> None:
    """Write a commit's files; as they are in git where an attribute file would keep it busy."""
    run_git(["read-tree", commit], folder, remote.timeout_seconds)
    listing = run_git(["ls-files", "-s", "-z"], folder, remote.timeout_seconds).stdout
    found = entries(listing)
    rules = {
        name: entry
        for name, entry in found.items()
        if name.rpartition("/")[2].lower() == ATTRIBUTES and entry.mode in (REGULAR, EXECUTABLE)
    }
    git_dir = folder / ".git"
    slow = [name for name, data in contents(rules, git_dir) if is_slow(data)]
    if slow:
        logger.warning(
            "%s: a pattern in %s has too many * for git, so no attributes are followed; %s",
            remote.url, slow[0], REMEDY,
        )  # fmt: skip
        write_files(found, folder, git_dir)
        return
    args = ["reset", "--quiet", "--hard", commit]
    run_git(args, folder, remote.timeout_seconds, config=CHECKOUT_CONFIG)


def remove_mirror(source: str, data_dir: Path) -> None:
    """Remove the mirror of a repository, unless a run is fetching into it: that one goes on, and
    what it leaves is a cache.

    :param source: as :func:`harness.repository.sources.source_of` returns it.
    """
    mirror = data_dir.resolve() / MIRRORS_FOLDER / f"{clone_folder(source)}.git"
    if not mirror.exists():
        return
    try:
        with FileLock(f"{mirror}.lock", timeout=0, mode=0o600):
            shutil.rmtree(mirror.with_suffix(LFS_SUFFIX), ignore_errors=True)
            shutil.rmtree(mirror, ignore_errors=True)
    except Timeout:
        logger.info("%s is in use and stays", mirror)


def _fetched(remote: Remote, ref: str, mirror: Path) -> str:
    """Bring a commit into the mirror, unless it is there; the caller holds the lock."""
    for leftover in mirror.parent.glob(f"{mirror.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a process that was killed
    usable = _is_usable(mirror, remote.timeout_seconds)
    if usable:
        for lock in mirror.rglob("*.lock"):  # git's own: ours is held, so their owner was killed
            lock.unlink(missing_ok=True)
    if usable and COMMIT.fullmatch(ref) and _has(mirror, ref, remote.timeout_seconds):
        return ref
    name, commit = remote.find(ref)
    if not name:
        return ""
    if usable and commit and _has(mirror, commit, remote.timeout_seconds):
        return commit
    if usable and sum(1 for _ in (mirror / "objects/pack").glob("*.pack")) < _MOST_PACKS:
        try:
            fetched = _fetch(remote, name, mirror)
            if _has(mirror, fetched, remote.timeout_seconds):
                return fetched
        except (RepositoryNotFoundError, GitError) as error:
            # The server's word, or that of a mirror with a part missing: a new one tells.
            logger.info("%s is made anew: %s", mirror, error)
    fresh = Path(tempfile.mkdtemp(prefix=f"{mirror.name}.tmp-", dir=mirror.parent))
    try:
        run_git(["init", "--quiet", "--bare", "--template="], fresh, remote.timeout_seconds)
        commit = _fetch(remote, name, fresh)
        shutil.rmtree(mirror, ignore_errors=True)
        fresh.rename(mirror)
        return commit
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _fetch(remote: Remote, name: str, mirror: Path) -> str:
    remote.fetch(f"+{name}:{_FETCHED}", mirror)
    args = ["rev-parse", "--verify", "--quiet", f"{_FETCHED}^{{commit}}"]
    output = run_git(args, mirror, remote.timeout_seconds, git_dir=mirror)
    return output.stdout.decode("ascii").strip()


def _is_usable(mirror: Path, timeout_seconds: float) -> bool:
    if not (mirror / "HEAD").is_file():
        return False
    args = ["rev-parse", "--is-bare-repository"]
    output = run_git(args, mirror, timeout_seconds, git_dir=mirror, check=False)
    return output.returncode == 0 and output.stdout == b"true\n"


def _has(mirror: Path, commit: str, timeout_seconds: float) -> bool:
    """Tell whether a commit with all of its files is there. One is fetched whole or not at all, but
    it shares files with those before it, and somebody may have cleaned up the cache."""
    args = ["rev-list", "--objects", "--quiet", "--max-count=1", commit]
    return run_git(args, mirror, timeout_seconds, git_dir=mirror, check=False).returncode == 0


def _share(mirror: Path, git_dir: Path) -> None:
    """Link the mirror's objects, which never change, into another repository."""
    for folder, _, names in os.walk(mirror / "objects"):
        target = git_dir / Path(folder).relative_to(mirror)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name.startswith("tmp_"):
                continue  # of a fetch that was killed
            try:
                os.link(Path(folder) / name, target / name)
            except FileExistsError:
                continue
            except OSError:  # another file system, or one without links
                shutil.copy2(Path(folder) / name, target / name)
    shallow, own = mirror / "shallow", git_dir / "shallow"
    if shallow.exists():
        # One line for each commit without its history; submodules add theirs.
        known = own.read_bytes() if own.exists() else b""
        own.write_bytes(known + shallow.read_bytes())


def _clear(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            _remove(entry)
        else:
            entry.unlink()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        logger.warning("%s cannot be removed; remove it by hand", folder)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that were killed: nobody holds their locks."""
    for path in parent.glob("*.lock"):
        lock = FileLock(path, timeout=0, mode=0o600)
        try:
            with lock:
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink(missing_ok=True)
        except (Timeout, OSError):
            continue


def _remove_former_clone(clone: Path) -> None:
    """Remove the clone that former versions kept of this repository."""
    if clone.exists():
        shutil.rmtree(clone, ignore_errors=True)
        Path(f"{clone}.lock").unlink(missing_ok=True)
