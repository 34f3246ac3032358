"""What of a repository's files differs from what is recorded of them; reads no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.index.wholeness import Mismatch
from harness.repository.content import OVERRIDDEN
from harness.types import FileRecord, FileStatus, Listing, SourceFile

# A file changed within this time before it was recorded may have changed again within the same
# tick of the file system's clock ("racily clean" in git's words), so it is read again.
_RACY_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """What of a walk differs from the records: ``changed`` is to be indexed, ``skipped`` counts
    reasons, ``deleted`` is recorded and not there. ``known`` and ``origins`` are about ``changed``,
    see :class:`harness.index.planning.IndexPlan`."""

    changed: Sequence[SourceFile]
    unchanged: int
    skipped: Mapping[str, int]
    deleted: tuple[str, ...]
    known: Mapping[str, int]
    origins: Mapping[str, str]


def compared(
    listing: Listing,
    records: Mapping[str, FileRecord],
    wrong: Mismatch,
    *,
    full: bool,
) -> Compared:
    """Compare a walk with the records of a repository.

    :param wrong: files whose chunks are not those that were recorded.
    :param full: everything counts as changed.
    """
    skipped = Counter(str(item.reason) for item in listing.skipped)
    refill = frozenset(wrong.files)
    changed: list[SourceFile] = []
    unchanged = 0
    for file in listing.files:
        record = records.get(file.path)
        if file.path in refill or record is None or full or not is_unchanged(file, record):
            changed.append(file)
        elif record.status is FileStatus.SKIPPED:
            skipped[record.skip_reason] += 1
        else:
            unchanged += 1
    listed = {file.path for file in listing.files}
    deleted = tuple(path for path in (*records, *wrong.strays) if path not in listed)
    return Compared(
        changed=changed,
        unchanged=unchanged,
        skipped=skipped,
        deleted=deleted,
        known=attempts_of(changed, records),
        origins={} if full else origins_of(changed, records, deleted),
    )


def attempts_of(changed: Sequence[SourceFile], records: Mapping[str, FileRecord]) -> dict[str, int]:
    """How often files were tried that have a record."""
    return {s.path: records[s.path].attempts for s in changed if s.path in records}


def is_unchanged(source: SourceFile, record: FileRecord) -> bool:
    """Tell from metadata alone whether the file is still what was recorded."""
    if record.status not in (FileStatus.INDEXED, FileStatus.SKIPPED):
        return False
    if source.let_in and record.skip_reason in OVERRIDDEN:
        return False  # the rule that lets it in may be new
    if source.content_id is not None:
        return source.content_id == record.content_id
    return (
        source.size_bytes == record.size_bytes
        and source.mtime_ns == record.mtime_ns
        and source.mtime_ns < record.recorded_ns - _RACY_NS
    )


def origins_of(
    changed: Sequence[SourceFile], records: Mapping[str, FileRecord], deleted: Sequence[str]
) -> dict[str, str]:
    """Where vectors of new files may be found; see :class:`harness.index.planning.IndexPlan`."""
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
