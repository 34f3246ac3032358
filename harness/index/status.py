"""What is in the index, as `harness status`, `harness doctor` and MCP tell it alike.

The record of a repository says what its last finished run left. Where a run has begun and not
ended, the files and chunks are counted.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, dataclass

from harness.errors import StoreBusyError
from harness.index.naming import record_source
from harness.index.registry import entry_of
from harness.store.protocol import VectorStore
from harness.types import FileStatus, RepositoryRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """One repository of the ``status`` JSON contract.

    ``incomplete``: a run has begun and not ended. It may be under way; otherwise it was
    interrupted, and the next one goes on where it stopped. Meanwhile ``files`` and ``chunks`` are
    what can be found now. ``warnings`` are sentences for a person. The rest is as in
    :class:`harness.index.registry.Entry`.
    """

    name: str
    path: str
    source: str
    commit: str
    model: str
    collection: str
    files: int
    chunks: int
    failed: int
    indexed_at: str
    incomplete: bool
    warnings: tuple[str, ...]
    ref: str
    credential: str
    registered: bool
    state: str
    changed: int
    submodules: bool = False
    lfs: bool = False

    def to_dict(self) -> dict[str, object]:
        """As plain data."""
        return asdict(self)


def repository_statuses(store: VectorStore) -> list[RepositoryStatus]:
    """Every repository, sorted by name."""
    return [_status(record, store) for record in store.repositories()]


def _status(record: RepositoryRecord, store: VectorStore) -> RepositoryStatus:
    files, chunks, failed = record.files, record.chunks, record.failed
    # Records of former versions do not say that the first run has not ended, but for its time.
    incomplete = record.unfinished or not record.indexed_at
    if not record.collection:  # registered, and no run has begun
        incomplete = False
    if incomplete:
        files, chunks, failed = _counted(record, store)
    entry = entry_of(record, sees_folders=store.is_embedded)
    return RepositoryStatus(
        name=record.name,
        path=record.path,
        source=record_source(record),
        commit=record.commit,
        model=record.model,
        collection=record.collection,
        files=files,
        chunks=chunks,
        failed=failed,
        indexed_at=record.indexed_at,
        incomplete=incomplete,
        warnings=entry.warnings,
        ref=entry.ref,
        credential=entry.credential,
        registered=entry.registered,
        state=str(entry.state),
        changed=entry.changed,
        submodules=entry.submodules,
        lfs=entry.lfs,
    )


def _counted(record: RepositoryRecord, store: VectorStore) -> tuple[int, int, int]:
    """Files, chunks and failed files that are there now."""
    if all(manifest.collection != record.collection for manifest in store.manifests()):
        return 0, 0, 0
    files = store.file_records(record.collection, record.name).values()
    by_status = Counter(file.status for file in files)
    try:
        chunks = store.count_chunks(record.collection, record.name)
    except StoreBusyError as error:
        logger.info("counted from the file records: %s", error)
        chunks = sum(file.chunks for file in files)
    return by_status[FileStatus.INDEXED], chunks, by_status[FileStatus.FAILED]
