"""Addresses of servers as users write them in variables."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import InvalidSettingError

_HOST_NAME = re.compile(r"[\w](?:[\w.-]*[\w.])?")


@dataclass(frozen=True, slots=True)
class DefaultPorts:
    """The port of an address that names none: of a bare host, and of a URL by its scheme."""

    bare: int
    http: int = 80
    https: int = 443


def parse_address(text: str, variable: str, ports: DefaultPorts) -> str:
    """Turn what users write into a variable into a base URL with an explicit port.

    An address to listen on (``0.0.0.0``, ``::``) means this machine. Blanks and quotes around the
    value (an env file keeps those of ``NAME="value"``) are dropped, as the ``ollama`` command does.

    :param text: ``host``, ``host:port``, ``:port``, an IPv6 address with or without brackets,
        or a URL, which may have a path prefix.
    :param variable: named by the message of an error.
    :param ports: for an address without a port.
    :returns: ``scheme://host:port[/prefix]`` without a trailing slash.
    :raises InvalidSettingError: nothing of that form; the message holds no part of the value that
        may be a password.
    """
    try:
        return _base_url(text.strip().strip("\"'").strip(), ports)
    except _UnusableError as error:
        raise InvalidSettingError(
            f"{variable} cannot be used: {error}; write host, host:port or a URL such as "
            f"http://127.0.0.1:{ports.bare}"
        ) from None


class _UnusableError(Exception):
    """Says what is wrong with an address."""


def _base_url(text: str, ports: DefaultPorts) -> str:
    if not text:
        raise _UnusableError("it is empty")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise _UnusableError("there is a blank in it")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text.removeprefix("//")
    scheme = scheme.lower()
    if scheme not in {"http", "https"}:
        raise _UnusableError(f"the scheme {scheme!r} is neither http nor https")
    if "@" in rest.partition("/")[0]:
        # A client would drop them silently, and messages would show them.
        raise _UnusableError("user and password in the address are not supported")
    if _is_ipv6(rest.rstrip("/")):
        rest = f"[{rest.rstrip('/')}]"
    try:
        url = urlsplit(f"{scheme}://{rest}")
        host, port = url.hostname, url.port
    except ValueError:
        raise _UnusableError("its host or port is malformed") from None
    if url.query or url.fragment:
        raise _UnusableError("a query or a fragment makes no sense here")
    if port == 0 or url.netloc.endswith(":"):
        raise _UnusableError("the port is missing or 0")
    if not host and port is None:
        raise _UnusableError("it names no host")
    if port is None:
        by_scheme = {"http": ports.http, "https": ports.https}
        port = by_scheme[scheme] if separator else ports.bare
    return f"{scheme}://{_connectable(host or '127.0.0.1')}:{port}{url.path.rstrip('/')}"


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _connectable(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            raise _UnusableError(f"{host!r} is not a host name") from None
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{host}]" if address.version == 6 else host
