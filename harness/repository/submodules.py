"""Submodules of a checkout: their files become files of the repository, under their paths.

Nothing of git's own machinery for submodules runs (``git submodule`` writes configuration that the
repository chooses). Each one's commit is fetched by its id into a mirror of its own, and its tree
takes the place of the link in the checkout's index, where walks and hashes find its files as any.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import GitError, HarnessError, UsageError
from harness.repository.blobs import SUBMODULE, Entry
from harness.repository.elsewhere import related
from harness.repository.extent import Extent, extent_of, require_room
from harness.repository.git import run_git
from harness.repository.remotes import COMMIT, Remote
from harness.repository.sources import scp_parts

MAX_DEPTH = 4
MAX_SUBMODULES = 100
MAX_BYTES = 4_000_000_000
"""Of the files of all submodules together."""

Bring = Callable[[Remote, str], None]
"""Bring a commit's objects from a server into the checkout."""

_NO_REDIRECTS = ("http.followRedirects", "false")


@dataclass(slots=True)
class _Merging:
    folder: Path
    bring: Bring
    credentials_dir: Path | None
    seconds: float
    extent: Extent
    count: int = 0
    size_bytes: int = 0

    def merge(self, remote: Remote, tree: str, prefix: str, above: tuple[str, ...]) -> None:
        """Put the submodules of a tree into the index.

        :param remote: of the repository that the tree is of.
        :param prefix: where the tree is, empty or ending in ``/``.
        :param above: the URLs on the way here.
        """
        links = self._links(tree)
        urls = self._urls(tree) if links else {}
        for path, entry in sorted(links.items()):
            place = f"{prefix}{path}"
            url = urls.get(path)
            if url is None:  # a link that nobody can follow; git leaves it empty
                continue
            self.count += 1
            if self.count > MAX_SUBMODULES:
                raise UsageError(
                    f"{remote.url} has more than {MAX_SUBMODULES} submodules; register it without "
                    "--submodules"
                )
            source = related(remote, resolved(remote.url, url), f"the submodule {place}",
                             self.credentials_dir)  # fmt: skip
            if source.url in above or len(above) >= MAX_DEPTH:
                raise UsageError(
                    f"{remote.url}: the submodule {place} is one of itself, or more than "
                    f"{MAX_DEPTH} deep; register the repository without --submodules"
                )
            self._add(remote, source, entry, place)
            self.merge(source, entry.id, f"{place}/", (*above, source.url))

    def _add(self, parent: Remote, source: Remote, entry: Entry, place: str) -> None:
        if COMMIT.fullmatch(entry.id) is None:
            raise GitError(f"the submodule {place} has no commit id")
        # A server that may be asked could send us to one that may not.
        strict = replace(source.access, config=(*source.access.config, _NO_REDIRECTS))
        try:
            self.bring(replace(source, access=strict), entry.id)
        except HarnessError as error:
            raise type(error)(
                f"{parent.url}: its submodule {place} cannot be had: {error}; without --submodules "
                "it is left out"
            ) from error
        added = extent_of(entry.id, self.folder, self.seconds, source.url)
        self.extent += added
        self.size_bytes += added.size_bytes
        if self.size_bytes > MAX_BYTES:
            raise UsageError(
                f"{source.url}: with the submodule {place} there are more than "
                f"{MAX_BYTES / 1e9:g} GB of files; register the repository without --submodules"
            )
        require_room(self.extent, self.folder, parent.url)
        self._git("update-index", "--force-remove", operands=[place])
        self._git("read-tree", f"--prefix={place}/", entry.id)

    def _links(self, tree: str) -> dict[str, Entry]:
        found = {}
        for line in self._git("ls-tree", "-r", "-z", tree).split(b"\0"):
            words, _, path = line.partition(b"\t")
            if words.startswith(SUBMODULE.encode()):
                found[os.fsdecode(path)] = Entry(SUBMODULE, words.split()[2].decode("ascii"))
        return found

    def _urls(self, tree: str) -> dict[str, str]:
        """Path to URL, as the tree's ``.gitmodules`` says. Nothing that it includes is read."""
        output = self._git("config", "--no-includes", f"--blob={tree}:.gitmodules", "--null",
                           "--get-regexp", r"^submodule\..*\.(path|url)$", check=False)  # fmt: skip
        values: dict[str, dict[str, str]] = {}
        for pair in output.split(b"\0"):
            key, _, value = os.fsdecode(pair).partition("\n")
            name, _, what = key.removeprefix("submodule.").rpartition(".")
            values.setdefault(name, {})[what] = value
        return {one["path"]: one["url"] for one in values.values() if {"path", "url"} <= set(one)}

    def _git(self, *args: str, operands: list[str] | None = None, check: bool = True) -> bytes:
        return run_git(args, self.folder, self.seconds, operands=operands or (), check=check).stdout


def merge_submodules(
    remote: Remote,
    commit: str,
    folder: Path,
    bring: Bring,
    credentials_dir: Path | None,
    extent: Extent,
) -> bool:
    """Put the files of a commit's submodules, and of theirs, into a checkout's index.

    :param folder: a repository whose index has the commit's files; none is on the disk yet.
    :param extent: the commit's own.
    :returns: whether there were any.
    :raises CredentialError: one is somewhere else, or its server refuses.
    :raises UsageError: there are too many, they are too large, or one is in itself.
    :raises HarnessError: as :func:`harness.repository.mirrors.check_out`.
    """
    merging = _Merging(folder, bring, credentials_dir, remote.timeout_seconds, extent)
    merging.merge(remote, commit, "", (remote.url,))
    return merging.count > 0


def resolved(parent: str, url: str) -> str:
    """A submodule's URL; one that begins with ``./`` or ``../`` starts from its parent's, as in
    git-submodule(1).

    :param parent: a URL without credentials.
    """
    if not url.startswith(("./", "../")):
        return url
    if "://" in parent:
        parts = urlsplit(parent)
        path = posixpath.normpath(posixpath.join(parts.path.rstrip("/") or "/", url))
        return f"{parts.scheme}://{parts.netloc}/{path.lstrip('/')}"
    host, path = scp_parts(parent)
    return f"{host}:{posixpath.normpath(posixpath.join(path.rstrip('/'), url))}"
