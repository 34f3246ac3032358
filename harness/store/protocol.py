"""What the index needs of a vector store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from harness.types import (
    CandidateLists,
    ChunkPoint,
    FileRecord,
    Filter,
    FloatArray,
    Manifest,
    RepositoryRecord,
    SparseVector,
)


class VectorStore(Protocol):
    """Collections of chunk points, the file records beside them, and the list of repositories.

    Every method is idempotent and safe to call from several threads and processes. Errors:
    :class:`StoreBusyError` (embedded, another process holds it), :class:`StoreError`,
    :class:`ServiceUnavailableError` (server).
    """

    engine: str

    def close(self) -> None:
        """Release connections; the store can not be used afterwards."""

    def describe(self) -> str:
        """One line for people: engine, version and place, and that it answers.

        :raises StoreError: it does not work, or a collection is not healthy.
        """

    # Collections

    def ensure_collection(self, manifest: Manifest) -> None:
        """Create the collection and its payload indexes unless it is there.

        :raises StoreError: one is there that was made by another manifest.
        """

    def manifests(self) -> list[Manifest]:
        """All collections, by name."""

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its file records."""

    # Repositories

    def repositories(self) -> list[RepositoryRecord]:
        """All indexed repositories, by name."""

    def put_repository(self, record: RepositoryRecord) -> None:
        """Insert or replace the record of ``record.name``."""

    def delete_repository(self, name: str) -> None:
        """Remove the record only; see :meth:`delete_chunks` for its points."""

    # Files

    def file_records(self, collection: str, repo: str) -> dict[str, FileRecord]:
        """The records of one repository by path."""

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        """Insert or replace records; durable on return."""

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        """Remove the records of these paths, or all of the repository."""

    # Chunks

    def upsert_chunks(self, collection: str, points: Sequence[ChunkPoint]) -> None:
        """Insert or replace points; durable and searchable on return."""

    def delete_chunks(
        self,
        collection: str,
        repo: str,
        paths: Sequence[str] | None = None,
        keep_ids: Iterable[str] = (),
    ) -> None:
        """Remove the points of these paths (None: of the whole repository), except ``keep_ids``."""

    def count_chunks(self, collection: str, repo: str | None = None) -> int:
        """Number of points, exact."""

    def vectors_by_embed_hash(
        self, collection: str, hashes: Sequence[str]
    ) -> Mapping[str, FloatArray]:
        """Dense vectors ``(dim,)`` stored for these embedded texts, in any repository."""

    def vectors_by_chunk_hash(
        self, collection: str, repo: str, paths: Sequence[str]
    ) -> Mapping[tuple[str, str], FloatArray]:
        """Dense vectors of all chunks of these files by (path, chunk hash)."""

    def query(
        self,
        collection: str,
        *,
        dense: FloatArray | None,
        sparse: SparseVector | None,
        definitions: Sequence[str],
        stems: Sequence[str],
        where: Filter,
        limit: int,
    ) -> CandidateLists:
        """Ranked lists of one query, at most ``limit`` each, best first.

        :param dense: ``(dim,)`` query vector, None to leave meaning out.
        :param sparse: query terms; None or empty leaves words out.
        :param definitions: lower-case names; the chunks that define one of them.
        :param stems: lower-case file names without extension; their files' first chunks.
        """

    def compact(self, collection: str) -> None:
        """Reclaim deleted points and adapt to the size; quick when there is nothing to do."""
