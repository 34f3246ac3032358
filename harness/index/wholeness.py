"""Whether an index holds what its records promise: the chunks of each file, counted.

A file's record is written after its chunks and says how many there are. Fewer points, or more, are
damage that no checksum of the store has found (or that has none), whatever the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.store.protocol import VectorStore
from harness.types import FileRecord, FileStatus, RepositoryRecord


@dataclass(frozen=True, slots=True)
class Mismatch:
    """``files`` whose points are not those that were recorded, sorted; ``strays`` are paths that
    have points and no record. ``lacking``: how many chunks are missing."""

    repo: str
    files: tuple[str, ...]
    strays: tuple[str, ...]
    lacking: int

    def __bool__(self) -> bool:
        return bool(self.files or self.strays)

    def __str__(self) -> str:
        if self.lacking:
            return f"{self.repo} lacks {self.lacking} chunks of {len(self.files)} files"
        return f"{self.repo} has chunks of {len(self.files) + len(self.strays)} files too many"


NOTHING_WRONG = Mismatch("", (), (), 0)


def promised(records: Mapping[str, FileRecord]) -> dict[str, int]:
    """How many chunks each file has by its record; files without any are left out."""
    return {
        path: record.chunks
        for path, record in records.items()
        if record.chunks and record.status is FileStatus.INDEXED
    }


def compare(repo: str, records: Mapping[str, FileRecord], stored: Mapping[str, int]) -> Mismatch:
    """Compare the records of a repository with how many points each file has.

    Files of an interrupted run (pending, failed) may have any number.
    """
    files = []
    lacking = 0
    for path, record in records.items():
        expected = record.chunks if record.status is FileStatus.INDEXED else 0
        settled = record.status in (FileStatus.INDEXED, FileStatus.SKIPPED)
        found = stored.get(path, 0)
        if settled and found != expected:
            files.append(path)
            lacking += max(0, expected - found)
    strays = tuple(sorted(path for path in stored if path not in records))
    return Mismatch(repo, tuple(sorted(files)), strays, lacking)


def damage(store: VectorStore) -> str:
    """What the counts of all repositories say in a sentence; empty when they are right."""
    found = [wrong for record in store.repositories() if (wrong := mismatch(store, record))]
    return ", ".join(str(wrong) for wrong in found)


def mismatch(store: VectorStore, record: RepositoryRecord) -> Mismatch | None:
    """Count a repository's chunks; None when they are what they should be, or when a run has begun
    and not ended, which may be in the middle of a file."""
    if record.unfinished or not record.indexed_at:
        return None
    if all(manifest.collection != record.collection for manifest in store.manifests()):
        return None
    found = compare(
        record.name,
        store.file_records(record.collection, record.name),
        store.chunks_by_path(record.collection, record.name),
    )
    # A run that began meanwhile says so in the record.
    if not found or record not in store.repositories():
        return None
    return found
