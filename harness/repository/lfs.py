"""Large files of a checkout that git has as pointers: fetched from their server, and put in the
pointers' place in the checkout's index.

This is the Git LFS API's download half (git-lfs' docs/api/batch.md) over HTTP, because git-lfs
would have to be installed and follows configuration that the repository chooses. Only files that
are small enough to be indexed are fetched. Each is kept beside the mirror under the hash that its
pointer names.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import CredentialError, GitError, ServiceUnavailableError, UsageError
from harness.files import new_private, private_folder
from harness.proxies import route_to
from harness.repository.blobs import EXECUTABLE, REGULAR, Entry, contents, entries, store_files
from harness.repository.elsewhere import Extra, allowed_place
from harness.repository.git import run_git
from harness.repository.remotes import Remote

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

MAX_TOTAL_BYTES = 4_000_000_000
MAX_FILES = 50_000
_BATCH = 100
_MAX_ANSWER_BYTES = 4_000_000
_CONNECT_SECONDS, _SILENCE_SECONDS = 20.0, 60.0
_MEDIA = "application/vnd.git-lfs+json"
# The specification allows at most 1024 bytes; the shortest one that is valid has this many.
_POINTER_BYTES = range(100, 1025)
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>[0-9]{1,15})\n"
)
_LFS_CONFIG = ".lfsconfig"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says: the SHA-256 of the file, in hex, and its size in bytes."""

    oid: str
    size: int


@dataclass(frozen=True, slots=True)
class _Action:
    """How a server says that a file is to be fetched."""

    href: str
    headers: Mapping[str, str]

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> _Action:
        """Read a ``download`` action.

        :raises ValueError: it cannot be sent as a request.
        :raises TypeError: it has another form.
        """
        headers = {str(name): str(value) for name, value in dict(said.get("header") or {}).items()}
        action = cls(str(said["href"]), headers)
        if not all(text.isascii() for text in (action.href, *headers, *headers.values())):
            raise ValueError("no ASCII")
        return action


def replace_pointers(remote: Remote, folder: Path, cache: Path, extra: Extra) -> bool:
    """Put large files in the place of their pointers in a checkout's index.

    :param remote: where the files are; those of submodules are left as they are.
    :param folder: a repository whose index has the files; none is on the disk yet.
    :param cache: a folder of files that were fetched before; the caller holds its lock.
    :returns: whether there were any.
    :raises CredentialError: their server is somewhere else, or refuses.
    :raises UsageError: there is no HTTP to it, or there are too many.
    :raises ServiceUnavailableError: it does not answer.
    :raises GitError: it sends something else than what the pointer names.
    """
    index = entries(run_git(["ls-files", "-s", "-z"], folder, remote.timeout_seconds).stdout)
    git_dir = folder / ".git"
    found = {
        name: pointer
        for name, pointer in _pointers(index, git_dir, remote.timeout_seconds).items()
        if pointer.size <= extra.lfs_bytes
    }
    wanted = {pointer.oid: pointer for pointer in found.values()}
    if len(wanted) > MAX_FILES or sum(p.size for p in wanted.values()) > MAX_TOTAL_BYTES:
        raise UsageError(
            f"{remote.url} has more than {MAX_FILES} large files, or {MAX_TOTAL_BYTES / 1e9:g} GB "
            "of them; register it without --lfs"
        )
    if not wanted:
        return False
    private_folder(cache)
    missing = [pointer for oid, pointer in wanted.items() if not (cache / oid).is_file()]
    if missing:
        _Server(remote, extra, _endpoint(remote, index, git_dir)).fetch(missing, cache)
    for path in cache.iterdir():
        if path.name not in wanted:
            path.unlink()
    ids = store_files(cache, sorted(wanted), git_dir)
    lines = [
        f"{index[name].mode} {ids[pointer.oid]}\t".encode() + os.fsencode(name) + b"\0"
        for name, pointer in found.items()
    ]
    args = ["update-index", "-z", "--index-info"]
    run_git(args, folder, remote.timeout_seconds, stdin=b"".join(lines))
    return True


def _pointers(index: Mapping[str, Entry], git_dir: Path, seconds: float) -> dict[str, Pointer]:
    files = {n: e for n, e in index.items() if e.mode in (REGULAR, EXECUTABLE)}
    ids = "".join(f"{entry.id}\n" for entry in files.values()).encode()
    args = ["cat-file", "--batch-check=%(objectsize)"]
    sizes = run_git(args, git_dir, seconds, stdin=ids, git_dir=git_dir).stdout.split(b"\n")
    small = {
        name: entry
        for (name, entry), size in zip(files.items(), sizes, strict=False)
        if size.isdigit() and int(size) in _POINTER_BYTES
    }
    found = {}
    for name, data in contents(small, git_dir):
        if (match := _POINTER.fullmatch(data)) is not None:
            found[name] = Pointer(match["oid"].decode("ascii"), int(match["size"]))
    return found


def _endpoint(remote: Remote, index: Mapping[str, Entry], git_dir: Path) -> str:
    """Where the server is: what the repository's ``.lfsconfig`` says, else below its own URL."""
    if (entry := index.get(_LFS_CONFIG)) is not None and entry.mode in (REGULAR, EXECUTABLE):
        args = ["config", "--no-includes", f"--blob={entry.id}", "--null", "--get", "lfs.url"]
        output = run_git(args, git_dir, remote.timeout_seconds, git_dir=git_dir, check=False)
        if url := os.fsdecode(output.stdout).partition("\0")[0]:
            return url.rstrip("/")
    url = remote.url.rstrip("/")
    return f"{url}/info/lfs" if url.endswith(".git") else f"{url}.git/info/lfs"


class _Server:
    """The server of a repository's large files.

    :raises CredentialError: it is none that this repository may send us to.
    """

    def __init__(self, remote: Remote, extra: Extra, url: str) -> None:
        self._remote, self._extra, self._url = remote, extra, url
        if not url.startswith(("https://", "http://")):
            raise UsageError(
                f"{remote.url}: large files are fetched over HTTP only, not from {url[:200]}; "
                "register the repository by its https URL, or without --lfs"
            )
        self._place = allowed_place(remote, url, "the server of its large files",
                                    extra.credentials_dir)  # fmt: skip
        self._login: dict[str, str] | None = None
        self._deadline = time.monotonic() + remote.timeout_seconds

    def fetch(self, pointers: list[Pointer], cache: Path) -> None:
        """Bring files into the cache, each under its hash."""
        with self._client(self._url) as client:
            for at in range(0, len(pointers), _BATCH):
                part = {pointer.oid: pointer for pointer in pointers[at : at + _BATCH]}
                for oid, action in self._actions(client, part).items():
                    self._download(action, part[oid], cache)

    def _actions(self, client: httpx.Client, part: Mapping[str, Pointer]) -> dict[str, _Action]:
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "objects": [{"oid": p.oid, "size": p.size} for p in part.values()],
            "hash_algo": "sha256",
        }
        headers = {"Accept": _MEDIA, "Content-Type": _MEDIA}
        url = f"{self._url}/objects/batch"
        status, answer = self._asked(client, url, body, headers | (self._login or {}))
        if status == 401 and self._login is None:
            self._login = self._asked_git()
            status, answer = self._asked(client, url, body, headers | self._login)
        self._check(status)
        try:
            objects = json.loads(answer)["objects"]
            found = {str(one["oid"]): one for one in objects}
            return {oid: _Action.read(found[oid]["actions"]["download"]) for oid in part}
        except (ValueError, KeyError, TypeError, RecursionError):
            raise GitError(
                f"{self._shown} does not have all large files of {self._remote.url}; push them "
                "with git-lfs, or register the repository without --lfs"
            ) from None

    def _asked(
        self, client: httpx.Client, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """:returns: the status, and what else the server says, not unpacked."""
        said = bytearray()
        with self._explained(), client.stream("POST", url, json=body, headers=headers) as answer:
            for piece in answer.iter_raw():
                said += piece
                if len(said) > _MAX_ANSWER_BYTES:
                    raise GitError(
                        f"{self._shown} answers with more than a list of large files has"
                    )
                self._require_time()
        return answer.status_code, bytes(said)

    def _download(self, action: _Action, pointer: Pointer, cache: Path) -> None:
        place = allowed_place(self._remote, action.href.partition("?")[0], "a large file",
                              self._extra.credentials_dir)  # fmt: skip
        headers = dict(action.headers)
        if (
            place == self._place
            and self._login
            and "authorization" not in {n.lower() for n in headers}
        ):
            headers |= self._login
        part = cache / f"{pointer.oid}.part"
        part.unlink(missing_ok=True)
        digest, size = hashlib.sha256(), 0
        try:
            with (
                self._explained(),
                self._client(action.href) as client,
                client.stream("GET", action.href, headers=headers) as answer,
                new_private(part, durable=False) as file,
            ):
                self._check(answer.status_code)
                for piece in answer.iter_raw():
                    size += len(piece)
                    if size > pointer.size:
                        break
                    digest.update(piece)
                    file.write(piece)
                    self._require_time()
            if (size, digest.hexdigest()) != (pointer.size, pointer.oid):
                raise GitError(f"{self._shown} sends another file than {pointer.oid[:12]}…")
            part.rename(cache / pointer.oid)
        finally:
            part.unlink(missing_ok=True)

    def _client(self, url: str) -> httpx.Client:
        import httpx

        options = route_to(url).options()
        authority = self._remote.access.variables.get("GIT_SSL_CAINFO")
        if authority and url.startswith("https:"):
            context: ssl.SSLContext = options["verify"]
            context.load_verify_locations(cafile=authority)
        return httpx.Client(
            timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            **options,
        )

    def _asked_git(self) -> dict[str, str]:
        """The login that git would use there: the credential's, the URL's own, or the user's."""
        access = self._remote.access
        host = self._place.shown
        asked = f"protocol={self._place.scheme}\nhost={host}\n\n".encode()
        output = run_git(
            ["credential", "fill"],
            Path("/"),
            self._remote.timeout_seconds,
            stdin=asked,
            config=access.config,
            variables=access.variables,
            check=False,
        )
        lines = output.stdout.decode("utf-8", "replace").split("\n")
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        if output.returncode != 0 or "password" not in found:
            raise CredentialError(
                f"{host} asks for a credential for the large files of {self._remote.url}; name one "
                "that is for this host (--credential; docs/repositories.md)"
            )
        login = f"{found.get('username', '')}:{found['password']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(login).decode('ascii')}"}

    def _require_time(self) -> None:
        """Large files take no longer than a fetch may; those that are here stay."""
        if time.monotonic() > self._deadline:
            raise ServiceUnavailableError(
                f"{self._shown} took more than {self._remote.timeout_seconds:g} s for the large "
                "files; the next run goes on with those that are missing"
            )

    @property
    def _shown(self) -> str:
        return f"{self._place.scheme}://{self._place.shown}"

    def _check(self, status: int) -> None:
        if status in (401, 403):
            raise CredentialError(
                f"{self._shown} refuses the large files of {self._remote.url}: the credential is "
                "wrong, has expired, or may not read them"
            )
        if status >= 500 or status == 429:
            raise ServiceUnavailableError(f"{self._shown} is busy ({status}); try again later")
        if status != 200:
            raise GitError(
                f"{self._shown} answers {status} for the large files of {self._remote.url}; "
                "register the repository without --lfs if it has no LFS server"
            )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ServiceUnavailableError(
                f"{self._shown} cannot be reached for the large files of {self._remote.url} "
                f"({type(error).__name__}); check the address and the network"
            ) from None
