"""What a repository is: the folder or the git URL that it comes from. Asks neither git nor the
network."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from harness.errors import RepositoryNotFoundError
from harness.home import from_home
from harness.repository.credentials import redact_urls

CHECKOUTS_FOLDER = "checkouts"
_SCHEMES = frozenset({"https", "http", "ssh", "git", "file", "git+ssh"})
# user@host:path, as ssh takes it; without a user it might just as well be a local path.
# An address of IPv6 stands in brackets, because its colons are none before a path.
_SCP_LIKE = re.compile(
    r"(?P<user>[\w.~+-]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|\w[\w.-]*):(?P<path>[^\s:][^\r\n]*)"
)
_SAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_HASH_CHARS = 12


def is_git_url(text: str) -> bool:
    """Tell a git URL (``https``, ``http``, ``ssh``, ``git``, ``file``, ``git@host:path``) from a
    path. A local bare repository is a path; ``file://`` makes a URL of it."""
    # Half of a pair of surrogates cannot be sent to any server.
    if text != text.strip() or any(ord(char) < 32 or "\ud800" <= char < "\ue000" for char in text):
        return False
    scheme, separator, rest = text.partition("://")
    if separator:
        return scheme.lower() in _SCHEMES and rest.strip("/") != ""
    return _SCP_LIKE.fullmatch(text) is not None


def scp_parts(url: str) -> tuple[str, str]:
    """What stands before and after the colon of ``user@host:path``; the host keeps its brackets.

    :param url: a URL without ``://``.
    """
    found = _SCP_LIKE.fullmatch(url)
    if found is None:
        before, _, path = url.partition(":")
        return before, path
    return f"{found['user']}@{found['host']}", found["path"]


def source_of(path_or_url: str) -> str:
    """What a repository is, whatever it is called: the absolute path of its folder, or its git
    URL without credentials and without what spells the same one differently (a final ``.git`` or
    slash, the case of the host).

    :raises RepositoryNotFoundError: a URL that is not valid, or a path that none can be.
    """
    if is_git_url(path_or_url):
        return url_identity(without_credentials(path_or_url))
    try:
        return os.path.realpath(from_home(path_or_url))
    except ValueError:  # a zero byte, or half of a pair of surrogates
        raise RepositoryNotFoundError(
            f"{ascii(path_or_url)[:200]} cannot be a path; check the address"
        ) from None


def clone_folder(source: str) -> str:
    """Name of the folder that a URL is cloned into.

    :param source: as :func:`source_of` returns it.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()
    return f"{_SAFE_NAME.sub('-', url_name(source))}-{digest[:_HASH_CHARS]}"


def without_credentials(url: str) -> str:
    """A URL without user, password and query; the user of ssh stays, being part of the address.

    :raises RepositoryNotFoundError: it is not a valid URL.
    """
    if "://" not in url or url.lower().startswith("file:"):
        return url
    parts = _split(url)
    user, at, host = parts.netloc.rpartition("@")
    is_http = parts.scheme in ("http", "https")
    netloc = host if is_http else user.partition(":")[0] + at + host
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def url_identity(clean: str) -> str:
    """A URL as the identity of a repository; see :func:`source_of`.

    :param clean: without credentials.
    """
    head, separator, rest = clean.partition("://")
    slash = "/" if separator else ":"
    if separator:
        place, _, path = rest.partition(slash)
    else:
        place, path = scp_parts(head)
    user, at, host = place.rpartition("@")
    path = path.rstrip("/").removesuffix(".git").rstrip("/")
    scheme = f"{head.lower()}://" if separator else ""
    return f"{scheme}{user}{at}{host.lower()}{slash}{path}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RepositoryNotFoundError(
            f"{redact_urls(url)} is not a valid URL; check its host and port"
        ) from None
    has_host = bool(parts.hostname) or parts.scheme == "file"
    # What ssh would read as an option, as a whole or after the user.
    is_option = any(
        part.startswith("-") for part in (parts.netloc, parts.netloc.rpartition("@")[2])
    )
    if not has_host or is_option:
        raise RepositoryNotFoundError(f"{redact_urls(url)} has no valid host; check the address")
    try:
        usable = parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RepositoryNotFoundError(
            f"{redact_urls(url)} has no valid port; ports are numbers from 1 to 65535"
        )
    return parts


def secrets_of(url: str) -> list[str]:
    """What must not be shown of a URL: user and password, or a query that may hold a token.
    The user of ssh is a part of the address.

    :raises RepositoryNotFoundError: it is not a valid URL.
    """
    if "://" not in url:
        return []
    parts = _split(url)
    user = parts.netloc.rpartition("@")[0]
    candidates = [user.partition(":")[2], parts.query]
    if parts.scheme in ("http", "https"):
        candidates += [user, user.partition(":")[0]]
    return [text for text in candidates if text]


def url_name(clean: str) -> str:
    """The last part of a URL, by which a repository is called.

    :param clean: without credentials.
    """
    path = urlsplit(clean).path if "://" in clean else scp_parts(clean)[1]
    last = path.rstrip("/").removesuffix("/.git").rpartition("/")[2].removesuffix(".git")
    return last or "repository"


def is_clone(folder: str | Path, *, of: str | None = None) -> bool:
    """Tell by its place whether a folder is a clone that Harness made, in whatever data directory:
    that may have been moved, or be another machine's.

    :param of: the source that it must be a clone of; None: of any.
    """
    path = Path(folder)
    if path.parent.name != CHECKOUTS_FOLDER:
        return False
    return of is None or path.name == clone_folder(of)
