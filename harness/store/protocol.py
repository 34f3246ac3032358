"""What the index needs of a vector store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from harness.store.answer_memory import AnswerMemory
from harness.store.leases import LeaseStore
from harness.store.queries import Match, StoreQuery
from harness.store.salvaging import Prove, Salvage
from harness.store.snapshots import Snapshots
from harness.types import (
    CandidateLists,
    Chunk,
    ChunkPoint,
    FileRecord,
    FileStatus,
    FloatArray,
    Manifest,
    RepositoryRecord,
)


class RecordStore(Protocol):
    """What is known of an index: its collections, repositories and files.

    A subclass inherits the documentation of each method, here and of :class:`VectorStore`.
    """

    def manifests(self) -> list[Manifest]:
        """The manifests of all collections, sorted by the collections' names."""

    def repositories(self) -> list[RepositoryRecord]:
        """The records of all indexed repositories, sorted by name."""

    def put_repository(self, record: RepositoryRecord) -> None:
        """Insert or replace the record of ``record.name``."""

    def delete_repository(self, name: str) -> None:
        """Remove the record only; see :meth:`VectorStore.delete_chunks`."""

    def file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> dict[str, FileRecord]:
        """The records of these paths, or (None) of a whole repository, keyed by path and sorted by
        it."""

    def count_files(self, collection: str, repo: str) -> Mapping[tuple[FileStatus, str], int]:
        """How many of a repository's file records have each status and, of files that are left
        out, each reason (else empty)."""
        records = self.file_records(collection, repo).values()
        return Counter((record.status, record.skip_reason) for record in records)

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        """Insert or replace records; durable on return."""

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        """Remove the records of these paths, or all of the repository."""


class VectorStore(RecordStore, LeaseStore, Protocol):
    """Collections of chunk points, and the records beside them.

    Every method is idempotent and safe to call from several threads and processes. Errors:
    :class:`StoreBusyError` (embedded, another process holds it), :class:`StoreError`,
    :class:`ServiceUnavailableError` (server).
    """

    engine: str
    # In this process, so that its repositories are folders and clones of this machine.
    is_embedded: bool

    def close(self) -> None:
        """Release connections; the store cannot be used afterwards."""

    def leave(self) -> None:
        """Instead of closing, in a process that ends at once: bring to the disk what is not there
        yet, and leave the rest to the system."""
        self.close()

    def guard(self, check: Callable[[], None]) -> None:
        """Call this before each change of chunks and records, as close to it as can be; when it
        raises, nothing is changed. Leases are not guarded."""

    def snapshots(self) -> Snapshots:
        """The part that copies this index into files and back; usable until the store is closed."""

    def describe(self) -> str:
        """Say in one line which engine this is, its version and its place, once it has answered.

        :raises StoreError: it does not work, or a collection is not healthy.
        """

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        """Create the collection and its payload indexes unless it is there.

        :raises StoreError: one is there that was made by another manifest.
        """

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its file records."""

    def remove_leftovers(self) -> None:
        """Remove what is left of a collection whose removal was killed, where that can be told."""

    # Chunks

    def upsert_chunks(self, collection: str, points: Sequence[ChunkPoint]) -> None:
        """Insert or replace points; searchable on return, and durable before file records that are
        written afterwards."""

    def delete_chunks(
        self,
        collection: str,
        repo: str,
        paths: Sequence[str] | None = None,
        keep_ids: Iterable[str] = (),
    ) -> None:
        """Remove the points of these paths (None: of the whole repository), except ``keep_ids``;
        durable as :meth:`upsert_chunks`."""

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        """The exact number of points, of one repository or (None) of all."""

    def chunks(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> Iterable[tuple[str, Chunk]]:
        """The chunks of these files, or (None) of the whole repository, each with its file's path,
        in no order."""

    def chunks_by_path(
        self, collection: str, repo: str, expected: Mapping[str, int] | None = None
    ) -> Mapping[str, int]:
        """The number of points of each file of a repository that has any.

        :param expected: what it should be: where that can be proven it is not counted.
        """

    def examine(self, collection: str) -> None:
        """Read all that is stored of a collection and compare it with what was written; nothing on
        a server, which looks after its own files.

        :raises StoreDamagedError: it is not what was written.
        """

    def set_records_aside(self) -> Path | None:
        """Move records that cannot be read aside, and begin with none; what is stored of chunks
        stays and is used again by the next run of each repository.

        :returns: where they are; None when they can be read.
        :raises StoreError: a server's records: they are restored from a backup.
        """

    def rebuild(self, manifest: Manifest, prove: Prove) -> Salvage | None:
        """Put a new collection of what can still be read in the place of a damaged one, which is
        moved aside. Until the new one is complete the damaged one has the name, and says so.

        :param prove: chooses what is kept.
        :returns: None when it is not damaged: another process has been here.
        :raises StoreError: a server's collection: it is restored from a backup, or dropped.
        """

    def vectors_by_embed_hash(
        self, collection: str, hashes: Sequence[str]
    ) -> Mapping[str, FloatArray]:
        """Dense vectors ``(dim,)`` stored for these embedded texts, whatever their repository."""

    def vectors_by_chunk_hash(
        self, collection: str, repo: str, paths: Sequence[str]
    ) -> Mapping[tuple[str, str], FloatArray]:
        """Dense vectors ``(dim,)`` of all chunks of these files, keyed by path and chunk hash."""

    def opened(self, collection: str) -> AbstractContextManager[None]:
        """Let this thread's operations on a collection share one opening of it, which for an
        embedded store may take longer than the rest of a query. Others wait meanwhile; operations
        on other collections have no place inside."""

    def answers(self, collection: str) -> AnswerMemory | None:
        """What may be remembered of answers from a collection: another memory, or none, as soon as
        anybody has written to it. None where that cannot be known, as on a server."""
        return None

    def distinct(self, collection: str, key: str, where: Sequence[Match]) -> list[str]:
        """The different values of a payload key among the chunks that match, sorted. Quick for
        indexed keys (:mod:`harness.store.payload`), a scan of what matches for others."""

    def query(self, collection: str, query: StoreQuery) -> CandidateLists:
        """Answer one query with its ranked lists, best first."""

    def compact(self, collection: str) -> None:
        """Give back the space of deleted points and adapt to the collection's size; quick when
        there is nothing to do."""
