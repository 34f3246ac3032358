"""Which repositories a push may add to the registry: those of owners that were named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.engines import Engines
from harness.errors import HarnessError, InvalidSettingError
from harness.index.naming import Claim, free_name, known_as
from harness.index.registry import Request, register
from harness.repository.sources import is_git_url, secrets_of, source_of
from harness.webhook.events import Push
from harness.webhook.routes import Target, normalise, url_of

logger = logging.getLogger(__name__)

# Whoever is on the way reads and changes what these bring, and git believes it.
_UNENCRYPTED = ("http", "git")

# Far longer than those of any server; names and files are made of them.
_MAX_URL_CHARS = 1_000

Register = Callable[[Push], Target | None]
"""Adds the repository of a push to the registry; None: it may not."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Repositories below ``place``, which is host and path in lower case; ``credential`` is the
    name of the one that they are read with, empty for none. ``unencrypted`` is the one protocol
    without encryption that they may be read by, ``http`` or ``git``; empty: neither."""

    place: str
    credential: str
    unencrypted: str = ""

    def allows(self, url: str) -> bool:
        """Whether a plain URL is a repository of this owner, by a protocol that is allowed."""
        scheme = _scheme(url)
        allowed = scheme not in _UNENCRYPTED or scheme == self.unencrypted
        return allowed and self.owns(url)

    def owns(self, url: str) -> bool:
        """Whether a plain URL is a repository of this owner, by any protocol."""
        return normalise(url).startswith(f"{self.place}/")


def read_owners(text: str) -> tuple[Owner, ...]:
    """Read a list such as ``git.example.org/team=reader, http://git.corp/us``.

    :raises InvalidSettingError: an entry is not host and owner.
    """
    owners = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        written, _, credential = entry.partition("=")
        scheme, separator, place = written.strip().rpartition("://")
        host, _, path = place.strip("/").lower().partition("/")
        is_known = not separator or scheme.lower() in _UNENCRYPTED
        if not path or not is_known or "*" in place or "@" in place:
            raise InvalidSettingError(
                f"HARNESS_WEBHOOK_REGISTER: {entry!r} is not a host and an owner, such as "
                "git.example.org/team or git.example.org/team=CREDENTIAL, or "
                "http://git.example.org/team to allow what is not encrypted"
            )
        unencrypted = scheme.lower() if scheme.lower() in _UNENCRYPTED else ""
        owners.append(Owner(f"{host}/{path}", credential.strip(), unencrypted))
    return tuple(owners)


def allowed(push: Push, owners: Iterable[Owner]) -> tuple[str, Owner] | None:
    """The URL that a repository is cloned from, and the owner that allows it; None: nobody does.

    https is preferred. What is not a server's URL, or holds a credential, is never taken, and what
    is not encrypted only where the owner's entry says so.
    """
    known = tuple(owners)
    urls = sorted(filter(_is_plain, push.urls), key=lambda url: _scheme(url) != "https")
    for url in urls:
        for owner in known:
            if owner.allows(url):
                return url, owner
    for url in urls:
        for owner in known:
            if owner.owns(url):
                logger.warning(
                    "a push of %s registers nothing: it would be read without encryption; if it "
                    "may, write %s://%s into HARNESS_WEBHOOK_REGISTER",
                    url,
                    _scheme(url),
                    owner.place,
                )
                return None
    return None


def _scheme(url: str) -> str:
    """In lower case; empty for ``user@host:path``."""
    return url.partition("://")[0].lower() if "://" in url else ""


def _is_plain(url: str) -> bool:
    """Whether a URL is a server's and means the same place to everybody who reads it."""
    if len(url) > _MAX_URL_CHARS or not is_git_url(url) or url.lower().startswith("file:"):
        return False
    try:
        if secrets_of(url):
            return False
    except HarnessError:
        return False  # its host or port is none
    # A server may take for a separator or a step upwards what we take for a part of a name.
    lower = url.lower()
    if any(sign in lower for sign in ("\\", "%2f", "%5c", "%2e", "%25")):
        return False
    parts = normalise(url).split("/")
    return not any(part in ("", ".", "..") or part.startswith("-") for part in parts)


def register_push(push: Push, owners: Iterable[Owner], engines: Engines) -> Target | None:
    """Add the repository of a push, at its default branch, if an owner of the list has it.

    :raises HarnessError: the index cannot be written.
    """
    if push.branch and push.default_branch and push.branch != push.default_branch:
        return None
    found = allowed(push, owners)
    if found is None:
        return None
    url, owner = found
    records = engines.store.repositories()
    # The routes may be older than a push of a moment ago, and one repository has many URLs.
    for record in records:
        if normalise(url_of(record)) == normalise(url):
            return Target(record.name, url_of(record), record.ref or None)
    source = source_of(url)
    known = known_as(source, records)
    holders = {record.name: record for record in records}
    # Nobody chose the name, so one that is taken gets longer instead of being refused.
    name = known.name if known is not None else free_name(source, holders, ())
    asked = Request(credential=owner.credential or None)
    claim = Claim(source, engines.data_dir)
    entry = register(claim, url, asked, engines.store, engines.data_dir, name=name)
    return Target(entry.name, url, entry.ref or None)
