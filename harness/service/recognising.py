"""Recognises who sends a request: the owner of this machine, a token, or a trusted proxy's user."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import InvalidSettingError
from harness.service.callers import OWNER, Caller, Grant, Scope
from harness.service.options import ProxyTrust
from harness.service.tokens import Tokens

COOKIE = "harness_session"
"""Holds a token, for browsers: HttpOnly, SameSite=Strict."""

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

    @classmethod
    def build(cls, needs_token: bool, tokens: Tokens, proxy: ProxyTrust) -> Recogniser:
        """Check and read what a proxy is recognised by.

        :raises InvalidSettingError: an address or the file of groups cannot be used.
        """
        try:
            networks = tuple(ipaddress.ip_network(one, strict=False) for one in proxy.addresses)
        except ValueError as error:
            raise InvalidSettingError(f"HARNESS_PROXY_ADDRESSES: {error}") from None
        if networks and proxy.groups_file is None:
            raise InvalidSettingError(
                "HARNESS_PROXY_ADDRESSES is set without HARNESS_PROXY_GROUPS, the file that says "
                "what each group may do"
            )
        if proxy.groups_file is not None:
            read_groups(proxy.groups_file)  # refuse a broken one now, not at the first request
        return cls(needs_token, tokens, proxy, networks)

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
        if self.proxy.user_header in headers and self._is_proxy(client):
            return self._user(headers)
        if token := cookies.get(COOKIE):
            return self.tokens.find(token)
        return None if self.needs_token else OWNER

    def _is_proxy(self, client: str) -> bool:
        try:
            address = ipaddress.ip_address(client.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)

    def _user(self, headers: Mapping[str, str]) -> Caller | None:
        user = headers[self.proxy.user_header].strip()
        named = headers.get(self.proxy.groups_header, "").split(",")
        if not user or self.proxy.groups_file is None:
            return None
        known = read_groups(self.proxy.groups_file)
        grants = tuple(known[name.strip()] for name in named if name.strip() in known)
        return Caller(user[:200], grants) if grants else None


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
