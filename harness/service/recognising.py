"""Recognises who sends a request: the owner of this machine, a token, or a trusted proxy's user."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import InvalidSettingError
from harness.service.callers import OWNER, Caller, Grant, Scope
from harness.service.options import ProxyTrust
from harness.service.tokens import Tokens

COOKIE = "harness_session"
"""Holds a token, for browsers: HttpOnly, SameSite=Strict."""

# Of a header's value. Python counts more, and a group may really be called so.
_BLANKS = " \t"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Turns a request's credentials into a caller.

    :param needs_token: False for a service on loopback, whose every caller is its owner.
    """

    needs_token: bool
    tokens: Tokens
    proxy: ProxyTrust = field(default_factory=ProxyTrust)
    _networks: tuple[Network, ...] = ()
    _forwarders: tuple[Network, ...] = ()

    @classmethod
    def build(cls, needs_token: bool, tokens: Tokens, proxy: ProxyTrust) -> Recogniser:
        """Check and read what a proxy is recognised by.

        :raises InvalidSettingError: an address or the file of groups cannot be used.
        """
        networks = _networks(proxy.addresses, "HARNESS_PROXY_ADDRESSES")
        forwarders = _networks(proxy.forwarders, "HARNESS_INGRESS_ADDRESSES")
        if networks and proxy.groups_file is None:
            raise InvalidSettingError(
                "HARNESS_PROXY_ADDRESSES is set without HARNESS_PROXY_GROUPS, the file that says "
                "what each group may do"
            )
        if proxy.groups_file is not None:
            read_groups(proxy.groups_file)  # refuse a broken one now, not at the first request
        return cls(needs_token, tokens, proxy, networks, (*networks, *forwarders))

    def address(self, client: str, forwarded: Iterable[str]) -> str:
        """Where a request came from, for limits: an address, of IPv6 the network of one customer.

        :param client: address of the connection's other end.
        :param forwarded: the values of ``X-Forwarded-For``, in their order. A proxy adds at the
            end, so what stands before the first that is no trusted proxy's is the sender's fancy.
        """
        found = client
        hops = [hop.strip(_BLANKS) for value in forwarded for hop in value.split(",")]
        while hops and _is_in(found, self._forwarders):
            hop = hops.pop()
            if _address(hop) is None:
                break
            found = hop
        address = _address(found)
        if isinstance(address, ipaddress.IPv6Address):
            # Whoever has one of them has all of these.
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address or found)

    def caller(
        self, client: str, headers: Mapping[str, str], cookies: Mapping[str, str]
    ) -> Caller | None:
        """Who sends a request; None for nobody known.

        :param client: address of the connection's other end, never of a header.
        :param headers: by lower-case name.
        :raises InvalidSettingError: the tokens or groups cannot be read; nobody is let in.
        """
        kind, _, credential = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and credential.strip():
            return self.tokens.find(credential.strip())
        if self.proxy.user_header in headers and _is_in(client, self._networks):
            return self._user(headers)
        if token := cookies.get(COOKIE):
            return self.tokens.find(token)
        return None if self.needs_token else OWNER

    def _user(self, headers: Mapping[str, str]) -> Caller | None:
        user = headers[self.proxy.user_header].strip(_BLANKS)
        said = headers.get(self.proxy.groups_header, "").split(",")
        if not user or self.proxy.groups_file is None:
            return None
        known = read_groups(self.proxy.groups_file)
        named = [name.strip(_BLANKS) for name in said]
        grants = tuple(known[name] for name in named if name in known)
        return Caller(user[:200], grants) if grants else None


def _networks(texts: Iterable[str], variable: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one, strict=False) for one in texts)
    except ValueError as error:
        raise InvalidSettingError(f"{variable}: {error}") from None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(text: str, networks: Iterable[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def read_groups(file: Path) -> dict[str, Grant]:
    """What each group may do with which repositories.

    :raises InvalidSettingError: it cannot be read, or has another form.
    """
    try:
        found = json.loads(file.read_bytes())
        return {
            name: Grant(Scope(entry["scope"]), tuple(str(one) for one in entry["repos"]))
            for name, entry in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidSettingError(
            f'{file} cannot be used; write {{"group": {{"scope": "read", "repos": ["*"]}}}}'
        ) from None
