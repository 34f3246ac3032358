"""The registry: which repositories a team wants to have in the index, and how each is read.

An entry is the repository's record in the catalog, so that a name belongs to one source whether or
not it has been indexed yet. Whatever was indexed from a URL is registered; a folder is when
somebody registers it, because one that was indexed by hand may be on another machine than the
nightly run. Credentials are named, never kept here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from harness.engines import Engines
from harness.errors import UsageError
from harness.index.naming import Claim, known_as, names_held, one_name, record_source
from harness.index.options import IndexOptions
from harness.repository.sources import (
    clone_folder,
    is_clone,
    is_git_url,
    secrets_of,
    source_of,
)
from harness.store.protocol import VectorStore
from harness.types import RepositoryRecord, Standing

_SWITCHED = "what is read of it has changed since; the next run indexes it again"


class EntryState(StrEnum):
    """What has become of an entry."""

    NEW = "new"
    INDEXED = "indexed"
    INCOMPLETE = "incomplete"
    WARNING = "warning"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks of an entry; None leaves it as it is, or at its default.

    ``ref``: branch, tag or commit; empty for the default branch. ``credential``: a name; empty for
    none. ``submodules``, ``lfs``: whether these are fetched. ``standing``: whether the team's list
    asks.
    """

    ref: str | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    credential: str | None = None
    submodules: bool | None = None
    lfs: bool | None = None
    standing: Standing | None = None

    def applied_to(self, record: RepositoryRecord) -> RepositoryRecord:
        """The record as asked for."""
        asked = {key: value for key, value in asdict(self).items() if value is not None}
        return replace(record, **asked)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of ``harness repositories list``. ``changed``: files that the last run indexed or
    deleted. ``warnings`` are sentences for a person. ``standing``: what the team's list says."""

    name: str
    source: str
    ref: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    credential: str
    registered: bool
    state: EntryState
    commit: str
    indexed_at: str
    changed: int
    warnings: tuple[str, ...]
    submodules: bool = False
    lfs: bool = False
    standing: str = ""


def unindexed(name: str, source: str, path: str) -> RepositoryRecord:
    """The record of a repository of which nothing is in the index.

    :param source: as :func:`harness.repository.sources.source_of` returns it.
    :param path: its folder, or its URL as it is fetched.
    """
    return RepositoryRecord(
        name=name,
        path=path,
        commit="",
        collection="",
        model="",
        files=0,
        chunks=0,
        failed=0,
        indexed_at="",
        source=source,
    )


def claim_of_url(url: str) -> Claim:
    """Who asks for the entry of a git URL; its files are nowhere yet.

    :raises UsageError: it holds a credential.
    :raises RepositoryNotFoundError: it is not a valid URL.
    """
    identity = source_of(url)
    if secrets_of(url):
        raise UsageError(
            f"the URL of {identity} holds a credential, which would be stored and shown; write the "
            "URL without it"
        )
    return Claim(identity, Path(clone_folder(identity)))


def register(
    claim: Claim,
    path: str,
    request: Request,
    store: VectorStore,
    data_dir: Path,
    *,
    name: str | None = None,
) -> RepositoryRecord:
    """Add a repository to the registry, or change its entry. Idempotent.

    :param path: its folder, or its URL as it is fetched, without credentials.
    :param name: the name that was chosen; None: the one it has, else that of its folder or URL.
    :raises NameTakenError: another source has the name; nothing was changed.
    :raises UsageError: it has another name already, or a folder is to be read at a ref.
    """
    if not is_git_url(claim.source) and (request.ref or request.credential):
        raise UsageError(
            f"{claim.source} is a folder, which is read as it is; a branch and a credential go "
            "with a git URL (file:// makes one of a local repository)"
        )
    is_server = is_git_url(claim.source) and not claim.source.startswith("file:")
    if not is_server and (request.submodules or request.lfs):
        raise UsageError(
            f"{claim.source} is on this machine; submodules and large files are fetched for the "
            "URL of a server only"
        )
    with names_held(store, data_dir):
        records = store.repositories()
        known = known_as(claim.source, records)
        if known is not None and name not in (None, known.name):
            raise UsageError(
                f"{claim.source} is registered as {known.name!r}; give no other name, or remove it "
                f"first: harness repositories remove {known.name}"
            )
        chosen = one_name(claim, name, records)
        entry = known or unindexed(chosen, claim.source, path)
        entry = replace(request.applied_to(entry), registered=True)
        if request.standing is None and entry.standing is Standing.DROPPED:
            # Somebody wants to keep what the list no longer has.
            entry = replace(entry, standing=Standing.NONE)
        if known is not None and known.collection and _what_is_read(entry) != _what_is_read(known):
            entry = replace(entry, warnings=(_SWITCHED,))
        if entry != known:
            store.put_repository(entry)
    return entry


def _what_is_read(record: RepositoryRecord) -> tuple[object, ...]:
    """What decides which files of a commit are indexed."""
    return record.submodules, record.lfs, record.include, record.exclude


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source is read now; see :class:`Request`. ``indexed``: the commit that is in the index,
    if any."""

    ref: str
    credential: str
    submodules: bool = False
    lfs: bool = False
    indexed: str = ""


def reading_of(source: str, asked: Request, records: Sequence[RepositoryRecord]) -> Reading:
    """How a source is read: as was asked now, else as its entry says.

    :param source: as somebody wrote it; a credential that it holds is used rather than the entry's.
    """
    known = known_as(source_of(source), records)
    ref, credential = (known.ref, known.credential) if known is not None else ("", "")
    submodules, lfs = (known.submodules, known.lfs) if known is not None else (False, False)
    if is_git_url(source) and secrets_of(source):
        credential = ""
    return Reading(
        ref if asked.ref is None else asked.ref,
        credential if asked.credential is None else asked.credential,
        submodules if asked.submodules is None else asked.submodules,
        lfs if asked.lfs is None else asked.lfs,
        known.commit if known is not None else "",
    )


def entered(
    claim: Claim, url: str | None, asked: Request, engines: Engines, name: str
) -> RepositoryRecord | None:
    """The entry of a repository that is about to be indexed; a URL gets one, so that the nightly
    run keeps fresh what was asked for now.

    :param url: without credentials; None for a folder.
    """
    known = known_as(claim.source, engines.store.repositories())
    if known is None and url is not None:
        return register(claim, url, asked, engines.store, engines.data_dir, name=name)
    return known


def with_entry(options: IndexOptions, record: RepositoryRecord | None) -> IndexOptions:
    """What a run is told of a repository: the patterns of this run, else those of its entry."""
    if record is None:
        return options
    return replace(
        options,
        include=options.include or record.include,
        exclude=options.exclude or record.exclude,
    )


def fetched_besides(*, submodules: bool, lfs: bool) -> str:
    """What is fetched of a repository besides itself, in words; empty: nothing."""
    wanted = (("submodules", submodules), ("LFS files", lfs))
    return " and ".join(word for word, on in wanted if on)


def is_registered(record: RepositoryRecord) -> bool:
    """Tell whether the nightly run indexes a repository; see the module."""
    return record.registered or is_git_url(record_source(record))


def registered(records: Sequence[RepositoryRecord]) -> list[RepositoryRecord]:
    """The registry, in the order of the records."""
    return [record for record in records if is_registered(record)]


def has_gone(record: RepositoryRecord) -> bool:
    """Tell whether a folder of the user's is no longer on this machine; a clone is made again by
    the next run."""
    source = record_source(record)
    return not (is_git_url(source) or is_clone(source) or os.path.lexists(source))


def gone_warning(record: RepositoryRecord) -> str:
    """What to do about a repository whose folder is gone."""
    return (
        f"its folder is gone; if it was moved, index the new place "
        f"(`harness index FOLDER --name {record.name}`), else `harness forget {record.name}`"
    )


def warnings_of(record: RepositoryRecord) -> tuple[str, ...]:
    """What a person should see of a repository whose source is there: what its last run found, and
    what has become of it in the team's list."""
    if record.standing is not Standing.DROPPED:
        return record.warnings
    dropped = (
        f"it is no longer in the team's list; `harness repositories remove {record.name}`, or keep "
        f"it: `harness repositories add {record_source(record)}`"
    )
    return (*record.warnings, dropped)


def entry_of(record: RepositoryRecord, *, sees_folders: bool) -> Entry:
    """An entry as it is shown.

    :param sees_folders: the index belongs to this machine, so that a missing folder is gone.
    """
    gone = sees_folders and has_gone(record)
    state = EntryState.INDEXED
    if gone:
        state = EntryState.GONE
    elif not record.collection:
        state = EntryState.NEW
    elif record.unfinished or not record.indexed_at:
        state = EntryState.INCOMPLETE
    warnings = (gone_warning(record),) if gone else warnings_of(record)
    if warnings and state in (EntryState.INDEXED, EntryState.NEW):
        state = EntryState.WARNING
    return Entry(
        name=record.name,
        source=record_source(record),
        ref=record.ref,
        include=record.include,
        exclude=record.exclude,
        credential=record.credential,
        registered=is_registered(record),
        state=state,
        commit=record.commit,
        indexed_at=record.indexed_at,
        changed=record.changed,
        warnings=warnings,
        submodules=record.submodules,
        lfs=record.lfs,
        standing=str(record.standing),
    )
