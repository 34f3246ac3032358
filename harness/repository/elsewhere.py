"""What a repository may send us to: its submodules and the server of its large files.

Such addresses are written by whoever may push, and are reached from inside a team's network with a
team's credentials. So they lead to the repository's own server, or to a host that its credential
names, and never to a file, and to this machine only when the repository itself is there.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import CredentialError, HarnessError
from harness.repository.credentials import redact_urls
from harness.repository.git_access import access_to
from harness.repository.logins import Place, login_called, place_of
from harness.repository.remotes import Remote
from harness.repository.sources import is_git_url, secrets_of

_MAX_URL_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Extra:
    """What is fetched besides git's own objects: nothing, unless switched on for a repository.

    ``lfs_bytes``: large files up to this size each, 0: none. ``credentials_dir``: where the
    repository's credential is, None: there is none.
    """

    submodules: bool = False
    lfs_bytes: int = 0
    credentials_dir: Path | None = None


def related(remote: Remote, url: str, what: str, credentials_dir: Path | None) -> Remote:
    """The way to an address that a repository names.

    :param remote: the repository's own.
    :param what: the address's place in it, for messages.
    :raises CredentialError: it leads where it may not.
    """
    place = allowed_place(remote, url, what, credentials_dir)
    if _same(place, remote.access.place):
        return replace(remote, url=url)
    access = access_to(url, remote.access.credential, credentials_dir)
    return Remote(url, access, remote.timeout_seconds)


def allowed_place(remote: Remote, url: str, what: str, credentials_dir: Path | None) -> Place:
    """The server of an address that a repository names; raises as :func:`related`."""
    shown = "".join(char if char.isprintable() else "?" for char in redact_urls(url[:200]))
    try:
        # A backslash is a separator for some programs and a letter for others.
        plain = len(url) <= _MAX_URL_CHARS and "\\" not in url
        plain = plain and is_git_url(url) and not secrets_of(url)
        place = place_of(url)
    except HarnessError:
        plain = False
    if not plain or place.scheme == "file" or remote.is_local or not place.host:
        raise _refused(remote, what, shown, "is no plain address of a git server")
    own = remote.access.place
    if _same(place, own):
        return place
    if is_loopback(place.host):
        raise _refused(remote, what, shown, "leads to this machine")
    name = remote.access.credential
    if name and credentials_dir is not None:
        login = login_called(name, credentials_dir)
        if login.allows(place):
            return place
        remedy = f"if it may be fetched from there, add the host to {login.folder / 'hosts'}"
    else:
        remedy = "register the repository with a credential whose hosts name it (--credential)"
    raise _refused(remote, what, shown, f"leads to another server than {own.shown}; {remedy}")


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address means this machine, in whatever form programs take."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".localdomain")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # 127.1, 0x7f000001, 2130706433: forms that programs read as addresses.
        return re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", host) is not None
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _same(one: Place, other: Place) -> bool:
    return (one.scheme, one.shown) == (other.scheme, other.shown)


def _refused(remote: Remote, what: str, shown: str, why: str) -> CredentialError:
    return CredentialError(f"{remote.url}: {what} ({shown}) is not fetched, because it {why}")
