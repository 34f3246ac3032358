"""The credentials that git may be given, by name: a folder of secret files for each.

``HARNESS_CREDENTIALS_DIR/<name>/`` holds the files below, with the keys that Kubernetes gives its
Secrets for basic and ssh authentication, so that each may be a mounted Secret:

==================  =========================================================================
``hosts``           required: what it may be used for, a line each: ``host``, ``host:port``, or
                    ``http://host:port`` for a server without TLS
``username``        optional; most servers take any user name with a token
``password``        password or token for ``https``
``ssh-privatekey``  key for ``ssh``, with ``known_hosts``: the servers' public keys
``ca.crt``          certificate authority of the hosts, when the system does not know it
``access``          ``write`` when branches may be pushed with it; else it only reads
==================  =========================================================================

Secrets stay in these files: git reads them through a helper that knows the file's name alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import CredentialError
from harness.repository.sources import scp_parts

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HOST = re.compile(
    r"(?:http://|https://|ssh://)?(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
)
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22, "git+ssh": 22, "git": 9418}
_MAX_BYTES = 65_536
# Most servers look at the token alone; an empty user name is refused by some.
_ANY_USER = "git"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: a server's protocol, host and port."""

    scheme: str
    host: str
    port: int | None

    @property
    def shown(self) -> str:
        """Host, and the port when it is not the protocol's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port in (None, _DEFAULT_PORTS.get(self.scheme))
        return host if usual else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Login:
    """A credential: its files, and where it may be used. Never the secrets themselves."""

    name: str
    folder: Path
    hosts: tuple[str, ...]
    username: str
    password: Path | None
    key: Path | None
    known_hosts: Path | None
    authority: Path | None
    may_write: bool

    def allows(self, place: Place) -> bool:
        """Tell whether it may be used there. A host without a protocol means TLS or ssh: a
        password goes over plain HTTP only where ``http://`` stands before the host."""
        scheme = "ssh" if place.scheme == "git+ssh" else place.scheme
        if scheme not in ("https", "http", "ssh"):
            return False
        bare = () if scheme == "http" else (place.shown,)
        return any(host in (*bare, f"{scheme}://{place.shown}") for host in self.hosts)

    def secrets(self) -> tuple[str, ...]:
        """What must not be shown of it: its password."""
        return (_line(self.password),) if self.password is not None else ()


def place_of(url: str) -> Place:
    """The server of a git URL.

    :raises CredentialError: it is no valid URL.
    """
    if "://" not in url:
        host = scp_parts(url)[0].rpartition("@")[2]
        return Place("ssh", host.strip("[]").lower(), None)
    try:
        parts = urlsplit(url)
        return Place(parts.scheme.lower(), (parts.hostname or "").lower(), parts.port)
    except ValueError:
        raise CredentialError("the URL is not valid; check its host and port") from None


def key_scan(host: str) -> str:
    """The command that shows a server's public keys.

    :param host: as in ``hosts``, with a port where it has one.
    """
    parts = urlsplit(host if "://" in host else f"//{host}")
    port = f"-p {parts.port} " if parts.port else ""
    return f"ssh-keyscan {port}{parts.hostname}"


def login_called(name: str, folder: Path) -> Login:
    """Read a credential's files.

    :param folder: all credentials.
    :raises CredentialError: there is none of this name, or its files cannot be used.
    """
    own = folder / name
    if _NAME.fullmatch(name) is None or not own.is_dir():
        known = ", ".join(login_names(folder)) or "none"
        raise CredentialError(
            f"there is no credential {name!r} in {folder} (there are: {known}); make the folder "
            f"{own}, or set HARNESS_CREDENTIALS_DIR"
        )
    hosts = tuple(line.lower() for line in _lines(own / "hosts"))
    wrong = next((host for host in hosts if _HOST.fullmatch(host) is None), None)
    if not hosts or wrong is not None:
        said = f"{wrong!r} is not a host" if wrong else "no host is named"
        raise CredentialError(
            f"the credential {name!r} cannot be used, because {said} in {own / 'hosts'}; write the "
            "hosts that it is for into it, one a line"
        )
    key, known_hosts = _file(own / "ssh-privatekey"), _file(own / "known_hosts")
    if key is not None and known_hosts is None:
        raise CredentialError(
            f"the credential {name!r} has a key and no {own / 'known_hosts'}; write the servers' "
            f"public keys into it (`{key_scan(hosts[0])}`, and compare them with the server's)"
        )
    password = _file(own / "password")
    if password is not None:
        _line(password)
    username = _file(own / "username")
    return Login(
        name=name,
        folder=own,
        hosts=hosts,
        username=_line(username) if username is not None else _ANY_USER,
        password=password,
        key=key,
        known_hosts=known_hosts,
        authority=_file(own / "ca.crt"),
        may_write=_lines(own / "access") == ["write"],
    )


def login_names(folder: Path) -> list[str]:
    """The credentials that there are, sorted."""
    try:
        return sorted(p.name for p in folder.iterdir() if p.is_dir() and _NAME.fullmatch(p.name))
    except OSError:
        return []


def all_secrets(folder: Path) -> tuple[str, ...]:
    """Every password that there is, for redaction."""
    return tuple(secret for login in _usable(folder) for secret in login.secrets())


def _usable(folder: Path) -> Iterator[Login]:
    for name in login_names(folder):
        try:
            yield login_called(name, folder)
        except CredentialError:
            continue  # whoever uses it is told


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise CredentialError(f"{path} is larger than {_MAX_BYTES} bytes, so it is no secret")
        return data.decode()
    except OSError as error:
        raise CredentialError(
            f"{path} cannot be read ({error.strerror}); check its owner and permissions"
        ) from None
    except UnicodeDecodeError:
        raise CredentialError(f"{path} is not text") from None


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    lines = (line.partition("#")[0].strip() for line in _read(path).splitlines())
    return [line for line in lines if line]


def _line(path: Path) -> str:
    """The one line of a file, without its end.

    :raises CredentialError: it has none or several.
    """
    text = _read(path).removesuffix("\n").removesuffix("\r")
    if not text or any(char in text for char in "\r\n\0"):
        raise CredentialError(f"{path} must hold exactly one line")
    return text
