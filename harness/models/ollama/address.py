"""Where the server is and what its models are called."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from harness.errors import InvalidSettingError

DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[\w](?:[\w.-]*[\w.])?")
_INTERNAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc")
_DEFAULT_REGISTRY = "registry.ollama.ai/"
_DEFAULT_NAMESPACE = "library/"


def parse_host(text: str) -> str:
    """Turn what users write into ``OLLAMA_HOST`` into a base URL with an explicit port.

    The rules are those of the ``ollama`` command, which reads the same variable: without a
    scheme the port is 11434, ``http://`` alone means 80 and ``https://`` alone 443. An address
    to listen on (``0.0.0.0``, ``::``) means this machine.

    :param text: ``host``, ``host:port``, ``:port``, an IPv6 address with or without brackets,
        or a URL, which may have a path prefix.
    :returns: ``scheme://host:port[/prefix]`` without a trailing slash.
    :raises InvalidSettingError: nothing of that form; the message names the variable.
    """
    text = text.strip()
    if not text:
        raise _invalid("it is empty")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    scheme = scheme.lower()
    if scheme not in _SCHEME_PORTS:
        raise _invalid(f"the scheme {scheme!r} is neither http nor https")
    if _is_ipv6(rest.rstrip("/")):
        rest = f"[{rest.rstrip('/')}]"
    try:
        url = urlsplit(f"{scheme}://{rest}")
        host, port = url.hostname or "127.0.0.1", url.port
    except ValueError as error:
        raise _invalid(str(error).lower()) from None
    if url.username is not None or url.password is not None:
        # The client would drop them silently, and messages would show them.
        raise _invalid("user and password in the address are not supported")
    if url.query or url.fragment:
        raise _invalid("a query or a fragment makes no sense here")
    if port == 0 or url.netloc.endswith(":"):
        raise _invalid("the port is missing or 0")
    if port is None:
        port = _SCHEME_PORTS[scheme] if separator else DEFAULT_PORT
    return f"{scheme}://{_connectable(host)}:{port}{url.path.rstrip('/')}"


def is_internal(url: str) -> bool:
    """Tell whether a base URL names this machine, its network or its cluster.

    Loopback and private addresses, names without a dot (a Service, a container) and names under
    ``.local``, ``.internal``, ``.lan``, ``.svc`` or the cluster's domain count; a proxy for the
    internet cannot reach those and must not see what is sent to them.

    :param url: as :func:`parse_host` returns it.
    """
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or ".svc." in host or host.endswith(_INTERNAL_SUFFIXES)
    return address.is_loopback or address.is_private or address.is_link_local


def qualified_name(name: str) -> str:
    """Write a model's name the way the server lists it.

    :param name: as users write it; the default registry and namespace and ``:latest`` may be
        left out.
    :returns: the name with its tag, without the default registry and namespace.
    """
    short = name.strip()
    short = short.removeprefix(_DEFAULT_REGISTRY).removeprefix(_DEFAULT_NAMESPACE)
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def same_model(first: str, second: str) -> bool:
    """Tell whether two names mean one model: the server ignores case and implies ``:latest``."""
    return qualified_name(first).casefold() == qualified_name(second).casefold()


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
            raise _invalid(f"{host!r} is not a host name") from None
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{host}]" if address.version == 6 else host


def _invalid(reason: str) -> InvalidSettingError:
    return InvalidSettingError(
        f"OLLAMA_HOST cannot be used: {reason}; write host, host:port or a URL such as "
        "http://127.0.0.1:11434"
    )
