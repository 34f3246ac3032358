"""Which servers are reached through a proxy, and how our HTTP clients reach any server.

A proxy for the internet cannot reach this machine, its network or its cluster, and must not see
what is sent there: code, questions, keys. Clients do not decide that themselves. They follow
``HTTP_PROXY`` and its relatives even for 127.0.0.1, each by rules of its own, so each one of ours
is told what :func:`proxy_for` says and reads no such variable. These variables belong to every
program of the machine and are no settings of Harness.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness.errors import InvalidSettingError

# Names that no public DNS has: RFC 6762 (with its appendix G), RFC 8375, clusters, containers.
_INTERNAL_SUFFIXES = (
    *(".localhost", ".localdomain", ".local", ".internal", ".intranet", ".private", ".corp"),
    *(".home", ".home.arpa", ".lan", ".svc", ".consul"),
)
_SCHEME_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_internal(url: str) -> bool:
    """Tell whether a server is reached directly, never through a proxy.

    Loopback, private, link-local and shared addresses, names without a dot (a Service, a
    container), names of a cluster or a local network, and what ``NO_PROXY`` lists.

    :param url: a base URL.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    address = _address(host)
    if address is not None:
        inside = not address.is_global
    else:
        inside = "." not in host or ".svc." in host or host.endswith(_INTERNAL_SUFFIXES)
    return inside or _listed(host, address, parts.port or _SCHEME_PORTS.get(parts.scheme))


def proxy_for(url: str) -> str | None:
    """The proxy of the environment for a server; None when it is reached directly.

    :param url: a base URL.
    :raises InvalidSettingError: the environment names one that our clients cannot use.
    """
    if is_internal(url):
        return None
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    name = parts.scheme if proxies.get(parts.scheme) else "all"
    proxy = proxies.get(name)
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        found = urlsplit(proxy)
        usable = found.scheme in _SCHEME_PORTS and found.hostname and found.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidSettingError(
            f"{name.upper()}_PROXY names no http:// or https:// proxy; change it, or add "
            f"{parts.hostname} to NO_PROXY"
        )
    return proxy


@dataclass(frozen=True, slots=True)
class Route:
    """How an ``httpx`` client reaches one server; ``proxy`` None is directly."""

    proxy: str | None
    verify: ssl.SSLContext

    def options(self) -> dict[str, Any]:
        """Arguments of ``httpx.Client``, which reads no variables of its own then."""
        return {"proxy": self.proxy, "verify": self.verify, "trust_env": False}


def route_to(url: str) -> Route:
    """How a client reaches a server.

    :param url: a base URL.
    :raises InvalidSettingError: as :func:`proxy_for`, or the certificates cannot be read.
    """
    return Route(proxy_for(url), _tls(url))


def no_proxy_variables(*urls: str) -> dict[str, str]:
    """What makes the programs that we start reach these servers, and this machine, directly.

    :param urls: those that are not internal are left out.
    """
    listed = list(dict.fromkeys(_no_proxy_entries(os.environ)))
    if "*" in listed:
        listed = ["*"]  # beside other entries many programs do not understand it
    else:
        hosts = [urlsplit(url).hostname or "" for url in urls if is_internal(url)]
        listed += [host for host in (*_LOOPBACK, *hosts) if host and host not in listed]
    value = ",".join(dict.fromkeys(listed))
    return {"NO_PROXY": value, "no_proxy": value}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Programs also take forms such as 127.1 or 0x7f000001 for an address.
        if not re.fullmatch(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}", host):
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _no_proxy_entries(environment: Mapping[str, str]) -> list[str]:
    """Both spellings count: which of them wins differs among programs."""
    text = f"{environment.get('no_proxy', '')},{environment.get('NO_PROXY', '')}"
    return [entry for entry in re.split(r"[,\s]+", text) if entry]


def _listed(
    host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int | None
) -> bool:
    return any(_covers(entry, host, address, port) for entry in _no_proxy_entries(os.environ))


def _covers(
    entry: str,
    host: str,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None,
    port: int | None,
) -> bool:
    """One entry of NO_PROXY: ``*``, a name or a domain, an address, a network; with a port or not.

    https://curl.se/docs/manpage.html#--noproxy has most of these rules.
    """
    entry = entry.lower().partition("://")[2] or entry.lower()
    if entry == "*":
        return True
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:
            pass
    name, colon, entry_port = entry.rpartition(":")
    if colon and entry_port.isdigit() and (name.count(":") == 0 or name.endswith("]")):
        if int(entry_port) != port:
            return False
        entry = name
    if address is not None:
        return _address(entry.strip("[]")) == address
    domain = entry.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _tls(url: str) -> ssl.SSLContext:
    if url.startswith("http:"):
        # Trusts nobody and is never used; the default would read every certificate first (30 ms).
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import certifi

    # The system's store, or SSL_CERT_FILE, holds a team's own authority; certifi the public ones.
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    return context
