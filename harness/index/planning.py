"""What an index run has to do: compare a walk with the file records, read no file.

Where the last run's walk still tells, only what has changed since is judged
(:mod:`harness.index.replanning`).

A file is unchanged when its git blob id equals the recorded one or, outside git and for files
with uncommitted changes, when size and modification time do.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.engines import Engines
from harness.errors import UsageError
from harness.index import remembered, replanning, wholeness
from harness.index.comparing import Compared, compared
from harness.index.embedded_text import is_light
from harness.index.fingerprint import manifest_of
from harness.index.garbage import uncollected
from harness.index.naming import Claim, check_claim, names_held
from harness.index.options import LIGHT_BATCHES, IndexOptions, SplitOptions
from harness.index.registry import unindexed
from harness.index.repairing import Mended, mend
from harness.index.replanning import Recalled
from harness.repository.sources import is_git_url
from harness.repository.tracked import has_lost_head
from harness.repository.walk import walk
from harness.types import (
    Listing,
    Manifest,
    RepositoryRecord,
    Seen,
    SourceFile,
)

logger = logging.getLogger(__name__)

_BATCH_BYTES = SplitOptions().batch_bytes
MOST_NAMED = 100
"""How many skipped files a plan and a batch's result name."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Files that are indexed together; ``number`` counts from 1."""

    number: int
    files: tuple[SourceFile, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """A run's work as plain data.

    ``known`` has the recorded attempts of files that were tried before; ``may_reuse`` is False
    when the collection was empty; ``origins`` maps a content id or, for moved and edited files,
    a file name to the recorded path whose vectors may be reused. ``source`` is the repository's
    identity, ``moved_from`` where its folder was in the index until now, ``warnings`` what the
    walk found to be wrong with the repository as a whole. ``run`` is what the files' records are
    marked with, empty when nobody has to tell them from those of other runs. ``seen`` and ``key``
    are what the next run is told (:mod:`harness.index.remembered`); with ``is_as_remembered`` this
    one was told that nothing has changed. ``left_out`` names the first of what the walk skipped,
    as (path, reason), for people.
    """

    repo: str
    root: str
    commit: str
    collection: str
    model: str
    full: bool
    max_file_bytes: int
    batches: tuple[Batch, ...]
    files_total: int
    files_unchanged: int
    deleted: tuple[str, ...]
    skipped: Mapping[str, int]
    known: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    may_reuse: bool = True
    started_at: float = 0.0
    source: str = ""
    is_git: bool = False
    moved_from: str = ""
    warnings: tuple[str, ...] = ()
    seen: Seen | None = field(default=None, repr=False, compare=False)
    key: str = ""
    files_listed: int = 0
    skipped_by_name: Mapping[str, int] = field(default_factory=dict)
    is_as_remembered: bool = False
    run: str = ""
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def size_bytes(self) -> int:
        """Size of all batches; small files count for more than they have."""
        return sum(batch.size_bytes for batch in self.batches)

    @property
    def files_to_index(self) -> int:
        """Number of files in all batches."""
        return sum(len(batch.files) for batch in self.batches)


@uncollected()
def plan(
    name: str,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    *,
    batch_bytes: int = _BATCH_BYTES,
    source: str | None = None,
) -> IndexPlan:
    """Decide what to index, and register the repository when it is new.

    :param name: the repository's name in the index.
    :param batch_bytes: size of a batch of files in bytes of source.
    :param source: the repository's identity; None: the folder. That of a URL means that the folder
        is a checkout of its own, as it came from git.
    :raises NameTakenError: the name is another repository's; nothing is touched.
    :raises UsageError: there is not one file where files are indexed; nothing is touched.
    :raises HarnessError: the walk, the model server or the store failed.
    """
    started_at = time.time()
    manifest = manifest_of(engines.embedder)
    key = remembered.key_of(manifest.collection, options)
    recalled = again = None
    if not options.full:
        recalled = replanning.recall(name, root, source, manifest, key, engines)
    if recalled is not None and not recalled.now.is_same:
        again = replanning.rewalked(recalled, options)
    elif recalled is not None and replanning.is_whole(recalled, engines):
        return _nothing_to_do(root, manifest, recalled)
    listing = _walk(root, options, source) if again is None else None
    engines.store.ensure_collection(manifest)
    mended = mend(engines.store, manifest, thorough=True)
    found: Compared | None = None
    if again is not None and mended is None:
        found = replanning.compare_rewalked(again, engines)
    if listing is None:
        listing = again.listing if again and found else _walk(root, options, source)
    identity = source or str(listing.root)
    previous, moved_from = _register(name, identity, listing, manifest, engines)
    files_listed = len(listing.files)
    wrong = wholeness.NOTHING_WRONG
    may_reuse = True
    if again is not None and found is not None:
        files_listed = again.files_listed
    else:
        records = engines.store.file_records(manifest.collection, name)
        with engines.store.opened(manifest.collection):
            expected = wholeness.promised(records)
            stored = engines.store.chunks_by_path(manifest.collection, name, expected)
            may_reuse = engines.store.count_chunks(manifest.collection) > 0
        wrong = wholeness.compare(name, records, stored)
        _check_not_empty(name, listing, previous, engines)
        found = compared(listing, records, wrong, full=options.full)
    changed, skipped, deleted = found.changed, found.skipped, found.deleted
    logger.info(
        "%s: %d files to index, %d unchanged, %d deleted, %d skipped",
        name, len(changed), found.unchanged, len(deleted), sum(skipped.values()),
    )  # fmt: skip
    batches = batches_of(changed, sized(batch_bytes, engines))
    # Whatever ends this run, the counts of the last one are no longer the truth; in a rebuild they
    # are, until it has ended.
    changes = bool(batches or deleted) and previous.collection == manifest.collection
    begun = changes or previous.unfinished
    path = _shown_path(previous.path, identity, listing)
    current = replace(previous, source=identity, path=path, unfinished=begun)
    if current != previous:
        engines.store.put_repository(current)
    return IndexPlan(
        repo=name,
        root=str(root),
        commit=listing.commit or "",
        collection=manifest.collection,
        model=manifest.model,
        full=options.full,
        max_file_bytes=options.max_file_bytes,
        batches=batches,
        files_total=files_listed + len(listing.skipped),
        files_unchanged=found.unchanged,
        deleted=deleted,
        skipped=dict(skipped),
        known=found.known,
        origins=found.origins,
        may_reuse=may_reuse,
        started_at=started_at,
        source=identity,
        is_git=listing.is_git,
        moved_from=moved_from,
        warnings=(*_warnings(listing, previous), *_damage(mended, wrong, previous)),
        seen=listing.seen,
        key=key,
        files_listed=files_listed,
        skipped_by_name=dict(Counter(str(item.reason) for item in listing.skipped)),
        left_out=tuple((item.path, str(item.reason)) for item in listing.skipped[:MOST_NAMED]),
    )


def _walk(root: Path, options: IndexOptions, source: str | None) -> Listing:
    return walk(
        root,
        max_file_bytes=options.max_file_bytes,
        include=options.include,
        exclude=options.exclude,
        pristine=source is not None and is_git_url(source),
    )


def _nothing_to_do(root: Path, manifest: Manifest, recalled: Recalled) -> IndexPlan:
    """A plan without work: everything is as the last run left it."""
    previous, walked = recalled.previous, recalled.walk
    logger.info("%s: nothing has changed in %d files", previous.name, walked.files_total)
    return IndexPlan(
        repo=previous.name,
        root=str(root),
        commit=recalled.listing.commit or "",
        collection=manifest.collection,
        model=manifest.model,
        full=False,
        max_file_bytes=0,
        batches=(),
        files_total=walked.files_total,
        files_unchanged=walked.files_unchanged,
        deleted=(),
        skipped=walked.skipped,
        started_at=time.time(),
        source=previous.source,
        is_git=True,
        warnings=_warnings(recalled.listing, previous),
        is_as_remembered=True,
    )


def sized(batch_bytes: int, engines: Engines) -> int:
    """The size of a batch with the model of these engines."""
    return batch_bytes * LIGHT_BATCHES if is_light(engines.embedder) else batch_bytes


def batches_of(files: Sequence[SourceFile], batch_bytes: int) -> tuple[Batch, ...]:
    """Cut files, in their order, into batches of about ``batch_bytes``; none is empty.

    Small files cost more than their bytes, so each counts for at least 500.
    """
    batches: list[Batch] = []
    current: list[SourceFile] = []
    size = 0
    for source in files:
        weight = max(source.size_bytes, 500)
        if current and size + weight > batch_bytes:
            batches.append(Batch(len(batches) + 1, tuple(current), size))
            current, size = [], 0
        current.append(source)
        size += weight
    if current:
        batches.append(Batch(len(batches) + 1, tuple(current), size))
    return tuple(batches)


def _register(
    name: str, source: str, listing: Listing, manifest: Manifest, engines: Engines
) -> tuple[RepositoryRecord, str]:
    """Make a new repository searchable, and removable, from its first batch on.

    :returns: its record as it was, or its first one; and where its folder was before.
    :raises NameTakenError: the name is another repository's.
    """
    with names_held(engines.store, engines.data_dir):
        records = engines.store.repositories()
        moved_from = check_claim(name, Claim(source, listing.root), records)
        previous = next((record for record in records if record.name == name), None)
        if previous is None or not previous.collection:
            previous = replace(
                previous or unindexed(name, source, _shown_path("", source, listing)),
                path=_shown_path(previous.path if previous else "", source, listing),
                commit=listing.commit or "",
                collection=manifest.collection,
                model=manifest.model,
                unfinished=True,
                was_git=listing.is_git,
            )
            engines.store.put_repository(previous)
    return previous, moved_from


def _shown_path(known: str, source: str, listing: Listing) -> str:
    """Where a repository is, for people: its folder, or its URL as it is fetched. A checkout is
    gone after the run."""
    if not is_git_url(source):
        return str(listing.root)
    return known if is_git_url(known) else source


def _check_not_empty(
    name: str, listing: Listing, previous: RepositoryRecord, engines: Engines
) -> None:
    """A folder that has lost all its files is a volume that is not mounted, or a pattern with a
    slip in it, rather than a repository without content: its index is worth more than that.

    :raises UsageError: so it is.
    """
    if listing.files or not previous.indexed_at or not previous.chunks:
        return
    raise UsageError(
        f"{listing.root} holds no file to index, but {previous.files} of its files are in the "
        f"index as {name!r}; nothing was changed: look at the folder (is its volume mounted?) and "
        f"at the patterns, or remove it from the index with `harness forget {name}`"
    )


def _damage(
    mended: Mended | None, wrong: wholeness.Mismatch, previous: RepositoryRecord
) -> tuple[str, ...]:
    """What was found of damage. After an interrupted run some chunks are missing by right."""
    said = [] if mended is None else [str(mended)]
    if wrong.lacking and previous.indexed_at and not previous.unfinished:
        said.append(f"{wrong} in the index; they are indexed again")
    return tuple(said)


def _warnings(listing: Listing, previous: RepositoryRecord) -> tuple[str, ...]:
    """What is wrong with a repository as a whole, though its files can be read."""
    was_git = previous.was_git or bool(previous.commit)
    if not listing.is_git and os.path.lexists(listing.root / ".git"):
        return (
            "git does not accept its .git, so it is read as a plain folder; "
            f"see what `git -C {listing.root} status` says",
        )
    if not listing.is_git and was_git:
        return (
            "it was a git repository and is now read as a plain folder; bring its .git back, or "
            f"accept that with `harness forget {previous.name}` and another `harness index`",
        )
    if listing.is_git and previous.commit and listing.commit is None:
        return ("git finds no commit in it any more; see what `git log` says there",)
    if listing.is_git and listing.commit is None and has_lost_head(listing.root):
        return (
            "git cannot read the commit that is checked out; its files were read as they are: "
            f"see what `git -C {listing.root} fsck` says",
        )
    return ()
