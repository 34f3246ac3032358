"""Which repositories a push may add to the registry: those of owners that were named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.engines import Engines
from harness.errors import HarnessError, InvalidSettingError
from harness.index.naming import Claim, free_name, known_as
from harness.index.registry import Request, register
from harness.repository.sources import is_git_url, secrets_of, source_of
from harness.webhook.events import Push
from harness.webhook.routes import Target, normalise, url_of

# Far longer than those of any server; names and files are made of them.
_MAX_URL_CHARS = 1_000

Register = Callable[[Push], Target | None]
"""Adds the repository of a push to the registry; None: it may not."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Repositories below ``place``, which is host and path in lower case; ``credential`` is the
    name of the one that they are read with, empty for none."""

    place: str
    credential: str


def read_owners(text: str) -> tuple[Owner, ...]:
    """Read a list such as ``git.example.org/team=reader, github.com/us``.

    :raises InvalidSettingError: an entry is not host and owner.
    """
    owners = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        place, _, credential = entry.partition("=")
        host, _, path = place.strip().strip("/").lower().partition("/")
        if not path or "*" in place or "://" in place or "@" in place:
            raise InvalidSettingError(
                f"HARNESS_WEBHOOK_REGISTER: {entry!r} is not a host and an owner, such as "
                "git.example.org/team or git.example.org/team=CREDENTIAL"
            )
        owners.append(Owner(f"{host}/{path}", credential.strip()))
    return tuple(owners)


def allowed(push: Push, owners: Iterable[Owner]) -> tuple[str, Owner] | None:
    """The URL that a repository is cloned from, and the owner that allows it; None: nobody does.

    https is preferred, and what is not a server's URL, or holds a credential, is never taken.
    """
    known = tuple(owners)
    urls = sorted(push.urls, key=lambda url: not url.startswith("https://"))
    for url in urls:
        if not _is_plain(url):
            continue
        place = normalise(url)
        for owner in known:
            if place.startswith(f"{owner.place}/"):
                return url, owner
    return None


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
    entry = register(Claim(source, engines.data_dir), url, asked, engines, name=name)
    return Target(entry.name, url, entry.ref or None)
