"""Records on a Qdrant server: in collections without vectors, so that the whole index is in one
place and needs no database besides.

``harness-catalog`` holds manifests and repositories (and of a collection that is being removed its
name, in the manifest's place); beside each collection of chunks there is
``<collection>-files`` with its file records.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from harness.store.protocol import RecordStore
from harness.store.qdrant_requests import SCROLL_PAGE, QdrantRequests
from harness.store.queries import files_of
from harness.store.records import read_file, read_manifest, read_repository, to_json
from harness.types import FileRecord, Manifest, RepositoryRecord

CATALOG = "harness-catalog"
FILES_SUFFIX = "-files"
_NAMESPACE = uuid.UUID("a9b1a0f5-6f0e-5d54-9a0a-3f6b1f0c7a11")


class QdrantRecords(RecordStore):
    """A server's records.

    :param requests: sends every request of the store.
    """

    def __init__(self, requests: QdrantRequests) -> None:
        self.requests = requests

    def ensure_records(self, name: str, keys: Sequence[str], *, is_whole: bool = True) -> None:
        """Create a collection of records unless it is there, with these fields to look up.

        :param is_whole: one that is there has the fields; False: who made it may have been killed
            before.
        """
        if not self.requests.exists(name):
            self.requests.create(name, vectors_config={}, on_disk_payload=True)
        elif is_whole:
            return
        for key in keys:
            self.requests.index(name, key)

    # The catalog

    def manifests(self) -> list[Manifest]:
        found = map(read_manifest, self._catalog("manifest"))
        return sorted(found, key=lambda manifest: manifest.collection)

    def put_manifest(self, manifest: Manifest) -> None:
        """Insert or replace the record of ``manifest.collection``."""
        self._put_catalog("manifest", manifest.collection, to_json(manifest))

    def begin_removal(self, collection: str) -> None:
        """Let the record of a collection say that it goes. One request, so that a process that is
        killed leaves a collection that is whole, or known for one to be removed."""
        if any(manifest.collection == collection for manifest in self.manifests()):
            self._put_catalog("manifest", collection, collection, "removal")

    def removals(self) -> list[str]:
        """Collections whose removal has begun."""
        return sorted(self._catalog("removal"))

    def forget_manifest(self, collection: str) -> None:
        """Remove the record of a collection, whatever it says."""
        self._delete_catalog("manifest", collection)

    def repositories(self) -> list[RepositoryRecord]:
        found = map(read_repository, self._catalog("repository"))
        return sorted(found, key=lambda record: record.name)

    def put_repository(self, record: RepositoryRecord) -> None:
        self.ensure_records(CATALOG, ["type"])
        self._put_catalog("repository", record.name, to_json(record))

    def delete_repository(self, name: str) -> None:
        self._delete_catalog("repository", name)

    def _catalog(self, record_type: str) -> list[str]:
        if not self.requests.exists(CATALOG):
            return []
        found = self.requests.scroll(CATALOG, [("type", (record_type,))])
        return [point.payload["record"] for point in found]

    def _put_catalog(self, record_type: str, key: str, record: str, says: str = "") -> None:
        """Insert or replace a record.

        :param says: what it is found as, if not as what it is.
        """
        payload = {"type": says or record_type, "key": key, "record": record}
        self._put_payloads(CATALOG, [(record_id(record_type, key), payload)])

    def _delete_catalog(self, record_type: str, key: str) -> None:
        from qdrant_client import models

        if self.requests.exists(CATALOG):
            selector = models.PointIdsList(points=[record_id(record_type, key)])
            remove = partial(self.requests.client.delete, CATALOG, selector, wait=True)
            self.requests.call(remove, writes=True)

    # Files

    def file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> dict[str, FileRecord]:
        if paths is not None and not paths:
            return {}
        found = self.requests.scroll(f"{collection}{FILES_SUFFIX}", files_of(repo, paths))
        records = [read_file(point.payload["record"]) for point in found]
        return {record.path: record for record in sorted(records, key=lambda r: r.path)}

    def put_file_records(self, collection: str, records: Sequence[FileRecord]) -> None:
        rows = [
            (
                record_id(record.repo, record.path),
                {"repo": record.repo, "path": record.path, "record": to_json(record)},
            )
            for record in records
        ]
        self._put_payloads(f"{collection}{FILES_SUFFIX}", rows)

    def delete_file_records(
        self, collection: str, repo: str, paths: Sequence[str] | None = None
    ) -> None:
        if paths is None or paths:
            self.requests.delete(f"{collection}{FILES_SUFFIX}", files_of(repo, paths))

    def _put_payloads(self, name: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
        from qdrant_client import models

        for start in range(0, len(rows), SCROLL_PAGE):
            points = [
                models.PointStruct(id=point_id, vector={}, payload=payload)
                for point_id, payload in rows[start : start + SCROLL_PAGE]
            ]
            self.requests.upsert(name, points)


def record_id(kind: str, key: str) -> str:
    """Point id of a record: uuid5 of both parts."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}\0{key}"))
