"""What an index run has to do: compare a walk with the file records, read no file.

A file is unchanged when its git blob id equals the recorded one or, outside git and for files
with uncommitted changes, when size and modification time do.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.engines import Engines
from harness.index.fingerprint import manifest_of
from harness.index.options import IndexOptions, SplitOptions
from harness.repository.walk import walk
from harness.types import FileRecord, FileStatus, Listing, Manifest, RepositoryRecord, SourceFile

logger = logging.getLogger(__name__)

_BATCH_BYTES = SplitOptions().batch_bytes

# A file changed within this time before it was recorded may have changed again within the same
# tick of the file system's clock ("racily clean" in git's words), so it is read again.
_RACY_NS = 2_000_000_000


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
    a file name to the recorded path whose vectors may be reused.
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

    @property
    def size_bytes(self) -> int:
        """Size of all batches; small files count for more than they have."""
        return sum(batch.size_bytes for batch in self.batches)

    @property
    def files_to_index(self) -> int:
        """Number of files in all batches."""
        return sum(len(batch.files) for batch in self.batches)


def plan(
    name: str,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    *,
    batch_bytes: int = _BATCH_BYTES,
) -> IndexPlan:
    """Decide what to index, and register the repository when it is new.

    :param name: the repository's name in the index.
    :param batch_bytes: size of a batch of files in bytes of source.
    :raises HarnessError: the walk, the model server or the store failed.
    """
    started_at = time.time()
    listing = walk(
        root,
        max_file_bytes=options.max_file_bytes,
        include=options.include,
        exclude=options.exclude,
    )
    manifest = manifest_of(engines.embedder)
    engines.store.ensure_collection(manifest)
    records = engines.store.file_records(manifest.collection, name)
    _register(name, listing, manifest, engines)

    skipped = Counter(str(item.reason) for item in listing.skipped)
    changed: list[SourceFile] = []
    unchanged = 0
    for source in listing.files:
        record = records.get(source.path)
        if record is None or options.full or not is_unchanged(source, record):
            changed.append(source)
        elif record.status is FileStatus.SKIPPED:
            skipped[record.skip_reason] += 1
        else:
            unchanged += 1
    listed = {source.path for source in listing.files}
    deleted = tuple(path for path in records if path not in listed)
    logger.info(
        "%s: %d files to index, %d unchanged, %d deleted, %d skipped",
        name, len(changed), unchanged, len(deleted), sum(skipped.values()),
    )  # fmt: skip
    return IndexPlan(
        repo=name,
        root=str(root),
        commit=listing.commit or "",
        collection=manifest.collection,
        model=manifest.model,
        full=options.full,
        max_file_bytes=options.max_file_bytes,
        batches=batches_of(changed, batch_bytes),
        files_total=len(listing.files) + len(listing.skipped),
        files_unchanged=unchanged,
        deleted=deleted,
        skipped=dict(skipped),
        known={s.path: records[s.path].attempts for s in changed if s.path in records},
        origins={} if options.full else _origins(changed, records, deleted),
        may_reuse=engines.store.count_chunks(manifest.collection) > 0,
        started_at=started_at,
    )


def is_unchanged(source: SourceFile, record: FileRecord) -> bool:
    """Tell from metadata alone whether the file is still what was recorded."""
    if record.status not in (FileStatus.INDEXED, FileStatus.SKIPPED):
        return False
    if source.content_id is not None:
        return source.content_id == record.content_id
    return (
        source.size_bytes == record.size_bytes
        and source.mtime_ns == record.mtime_ns
        and source.mtime_ns < record.recorded_ns - _RACY_NS
    )


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


def _origins(
    changed: Sequence[SourceFile], records: Mapping[str, FileRecord], deleted: Sequence[str]
) -> dict[str, str]:
    if all(source.path in records for source in changed):
        return {}  # nothing new, so nothing was renamed or copied
    origins: dict[str, str] = {}
    gone = set(deleted)
    names = Counter(path.rpartition("/")[2] for path in gone)
    for path, record in records.items():
        if record.status is not FileStatus.INDEXED:
            continue
        if path in gone or record.content_id not in origins:
            origins[record.content_id] = path
        name = path.rpartition("/")[2]
        if path in gone and names[name] == 1:
            origins[name] = path
    return origins


def _register(name: str, listing: Listing, manifest: Manifest, engines: Engines) -> None:
    """Make a new repository searchable, and removable, from its first batch on."""
    if any(record.name == name for record in engines.store.repositories()):
        return
    engines.store.put_repository(
        RepositoryRecord(
            name=name,
            path=str(listing.root),
            commit=listing.commit or "",
            collection=manifest.collection,
            model=manifest.model,
            files=0,
            chunks=0,
            failed=0,
            indexed_at="",
        )
    )
