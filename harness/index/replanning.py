"""What the next run has to do, as far as the last one's walk tells: nothing, or what has changed.

The last run's walk is remembered (:mod:`harness.index.remembered`) together with what came of it.
Where it still holds, its counts do; where git and ``lstat`` name some files that differ, only these
are judged and compared with their records. Nothing is guessed: the caller walks everything when
this says None.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from harness.engines import Engines
from harness.errors import StoreError
from harness.index import remembered
from harness.index.comparing import Compared, attempts_of, is_unchanged, origins_of
from harness.index.options import IndexOptions
from harness.index.remembered import Remembered
from harness.repository.rewalk import rewalk
from harness.repository.seen import SeenAgain, look_again
from harness.repository.tracked import git_prefix, head_commit
from harness.repository.walk import Limits
from harness.types import (
    FileStatus,
    Listing,
    Manifest,
    RepositoryRecord,
    SkippedFile,
    SkipReason,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recalled:
    """The last run's walk beside the folder as it is now; ``previous`` is the repository's record,
    which says that the walk is true for the index. ``listing`` has no files."""

    listing: Listing
    previous: RepositoryRecord
    walk: Remembered
    now: SeenAgain


@dataclass(frozen=True, slots=True)
class Again:
    """What a walk of the changed files made of what was recalled. ``listing`` has of the files only
    those that were judged; ``files_listed`` counts all, ``were_files`` are the paths among what was
    judged that the walk before had listed."""

    recalled: Recalled
    listing: Listing
    files_listed: int
    were_files: frozenset[str]


def recall(
    name: str, root: Path, source: str | None, manifest: Manifest, key: str, engines: Engines
) -> Recalled | None:
    """What the last run of a repository remembers; None where nothing can be made of it.

    :param source: the repository's identity; None: the folder.
    :param key: what has to be the same as then.
    :raises GitError: git failed.
    """
    records = engines.store.repositories()
    previous = next((record for record in records if record.name == name), None)
    folder = root.resolve()
    identity = source or str(folder)
    if (
        previous is None
        or previous.unfinished
        or previous.failed
        or (previous.source, previous.path) != (identity, str(folder))
        or previous.collection != manifest.collection
        or not folder.is_dir()
    ):
        return None
    walk = remembered.load(engines.data_dir, name, previous.remembered, key)
    if walk is None or git_prefix(folder) != "":
        return None
    now = look_again(folder, walk.seen)
    if now is None:
        return None
    listing = Listing(folder, (), (), head_commit(folder), is_git=True)
    return Recalled(listing, previous, walk, now)


def is_whole(recalled: Recalled, engines: Engines) -> bool:
    """Whether the index has as many chunks of the repository as its record says."""
    previous = recalled.previous
    try:
        return engines.store.count_chunks(previous.collection, previous.name) == previous.chunks
    except StoreError as error:
        logger.info("%s: %s", previous.name, error)
        return False


def rewalked(recalled: Recalled, options: IndexOptions) -> Again | None:
    """Judge what has changed in the folder; None where all of it has to be walked.

    :param options: those of the last run.
    :raises GitError: git failed.
    """
    limits = Limits(options.max_file_bytes, options.include, options.exclude)
    found = rewalk(recalled.listing.root, recalled.walk.seen, recalled.now, limits)
    if found is None or not found.files_listed:
        return None
    skipped = tuple(SkippedFile(path, SkipReason(reason)) for path, reason in found.skipped)
    listing = replace(recalled.listing, files=found.files, skipped=skipped, seen=found.seen)
    return Again(recalled, listing, found.files_listed, found.were_files)


def compare_rewalked(again: Again, engines: Engines) -> Compared | None:
    """Compare what was judged again with its records: the same as
    :func:`harness.index.comparing.compared` says of everything.

    :returns: None where the index is not what the last run left.
    """
    recalled, files = again.recalled, again.listing.files
    if not is_whole(recalled, engines):
        return None
    repo, collection = recalled.previous.name, recalled.previous.collection
    paths = sorted(again.were_files.union(file.path for file in files))
    records = engines.store.file_records(collection, repo, paths)
    unchanged = recalled.walk.files_unchanged
    # What was left out by its content stays so; what is by its name was judged anew.
    skipped = Counter(dict(recalled.walk.skipped))
    skipped.subtract(reason for _, reason in recalled.walk.seen.skipped)
    skipped.update(str(item.reason) for item in again.listing.skipped)
    for path in again.were_files:
        record = records.get(path)
        if record is None or record.status not in (FileStatus.INDEXED, FileStatus.SKIPPED):
            return None
        if record.status is FileStatus.INDEXED:
            unchanged -= 1
        else:
            skipped[record.skip_reason] -= 1
    changed = []
    for file in files:
        record = records.get(file.path)
        if record is None or not is_unchanged(file, record):
            changed.append(file)
        elif record.status is FileStatus.INDEXED:
            unchanged += 1
        else:
            skipped[record.skip_reason] += 1
    deleted = tuple(sorted(again.were_files.difference(file.path for file in files)))
    known = attempts_of(changed, records)
    if any(file.path not in records for file in changed):
        # Any other file may have the same content, or have been this one.
        records = engines.store.file_records(collection, repo)
    return Compared(
        changed=changed,
        unchanged=unchanged,
        skipped=+skipped,
        deleted=deleted,
        known=known,
        origins=origins_of(changed, records, deleted),
    )
