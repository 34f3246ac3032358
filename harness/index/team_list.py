"""The team's list: the repositories that a file names, taken into the registry by whoever reads it.

On a cluster the file is made from the chart's values. It says all of an entry: what it leaves out
has its default, so that the same file always leads to the same registry. What it no longer has
stays in the index and is shown, because a list that was cut short must not delete anything.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, UsageError
from harness.index.naming import Claim, free_name, is_record_of, known_as, names_held, record_source
from harness.index.registry import Request, claim_of_url, register, warnings_of
from harness.repository.credentials import redact_urls
from harness.repository.sources import is_git_url
from harness.store.protocol import VectorStore
from harness.text import encodable
from harness.types import RepositoryRecord, Standing

# Far more than any team has; a file of another kind is not read into memory.
_MAX_BYTES = 4_000_000
_TEXTS = frozenset({"url", "name", "ref", "credential"})
_SWITCHES = frozenset({"submodules", "lfs"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One repository of the list. ``name`` empty: the one that it has, else one made of its URL,
    with as much of the path as it takes. The rest is as in
    :class:`harness.index.registry.Request`."""

    url: str
    name: str = ""
    ref: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    credential: str = ""
    submodules: bool = False
    lfs: bool = False

    def request(self) -> Request:
        """What it asks of its entry: all of it."""
        return Request(
            ref=self.ref,
            include=self.include,
            exclude=self.exclude,
            credential=self.credential,
            submodules=self.submodules,
            lfs=self.lfs,
            standing=Standing.LISTED,
        )


class Change(StrEnum):
    """What the list did to an entry."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one entry. ``name`` is empty where it has none. ``message``: a sentence for a
    person about what was dropped or refused."""

    name: str
    source: str
    change: Change
    message: str = ""


def read_list(path: Path) -> tuple[Listed, ...]:
    """Read a list: a JSON array of objects with the fields of :class:`Listed`, of which only
    ``url`` is needed.

    :raises UsageError: it cannot be read, or is no such array; says which entry is wrong.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        document = json.loads(text) if len(text) <= _MAX_BYTES else None
    except OSError as error:
        raise UsageError(f"the list {path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the list {path} is not valid JSON ({error})") from None
    if not isinstance(document, list):
        raise UsageError(f'the list {path} must be a JSON array such as [{{"url": "https://…"}}]')
    listed = tuple(_entry(entry, f"entry {n} of {path}") for n, entry in enumerate(document, 1))
    for what, counted in (
        ("URL", Counter(claim_of_url(one.url).source for one in listed)),
        ("name", Counter(one.name for one in listed if one.name)),
    ):
        for value, times in counted.items():
            if times > 1:
                raise UsageError(f"the {what} {value!r} is {times} times in {path}; keep one")
    return listed


def _entry(entry: object, place: str) -> Listed:
    """One entry.

    :raises UsageError: it has another form, or its URL holds a credential.
    """
    if not isinstance(entry, dict):
        raise UsageError(f"{place} is no object with a url")
    if unknown := sorted(set(entry) - {field.name for field in fields(Listed)}):
        known = ", ".join(field.name for field in fields(Listed))
        raise UsageError(f"{place} has {redact_urls(unknown[0])!r}, which is none of: {known}")
    given = dict(_checked(entry, place))
    url = given.get("url", "")
    if not isinstance(url, str) or not is_git_url(url):
        raise UsageError(f"{place}: {redact_urls(str(url))!r} is no git URL")
    try:
        claim_of_url(url)
    except HarnessError as error:
        raise UsageError(f"{place}: {error}") from None
    return Listed(**given)


def _checked(entry: Mapping[str, object], place: str) -> Iterator[tuple[str, Any]]:
    """Fields with values of their kind; null counts as left out."""
    for key, value in entry.items():
        if value is None:
            continue
        if key in _TEXTS:
            kind, fits = "text", isinstance(value, str)
        elif key in _SWITCHES:
            kind, fits = "true or false", isinstance(value, bool)
        else:
            kind = "an array of texts"
            fits = isinstance(value, list) and all(isinstance(v, str) and v for v in value)
        if not fits:
            raise UsageError(f"{place}: {key} must be {kind}")
        if isinstance(value, list):
            yield key, tuple(encodable(one) for one in value)
        else:
            yield key, encodable(value) if isinstance(value, str) else value


def take_list(listed: Sequence[Listed], store: VectorStore, data_dir: Path) -> list[Taken]:
    """Make the registry say what the list says. Idempotent; a refused entry stops no other.

    :returns: one for each entry in their order, then those that are no longer in the list.
    """
    taken = [_take(one, store, data_dir) for one in listed]
    return taken + _dropped(listed, store, data_dir)


def _take(one: Listed, store: VectorStore, data_dir: Path) -> Taken:
    claim = claim_of_url(one.url)
    records = store.repositories()
    known = known_as(claim.source, records)
    name = one.name or (known.name if known is not None else _own_name(claim, records))
    try:
        entry = register(claim, one.url, one.request(), store, data_dir, name=name)
    except HarnessError as error:
        return Taken(name, claim.source, Change.REFUSED, str(error))
    if known is None:
        return Taken(entry.name, claim.source, Change.ADDED)
    change = Change.UNCHANGED if entry == known else Change.CHANGED
    return Taken(entry.name, claim.source, change)


def _own_name(claim: Claim, records: Sequence[RepositoryRecord]) -> str:
    """Nobody chose the name, so one that is taken gets longer instead of being refused."""
    return free_name(claim.source, {record.name: record for record in records}, ())


def _dropped(listed: Sequence[Listed], store: VectorStore, data_dir: Path) -> list[Taken]:
    """Mark what was in the list and is no more; all that are marked."""
    sources = [claim_of_url(one.url).source for one in listed]
    dropped = []
    with names_held(store, data_dir):
        for record in store.repositories():
            if record.standing is Standing.NONE or any(is_record_of(record, s) for s in sources):
                continue
            noted = replace(record, standing=Standing.DROPPED)
            if noted != record:
                store.put_repository(noted)
            said = warnings_of(noted)[-1]
            dropped.append(Taken(noted.name, record_source(noted), Change.DROPPED, said))
    return dropped
