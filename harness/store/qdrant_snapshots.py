"""Snapshots of an index on a Qdrant server: one per collection, downloaded.

Repository records name collections, and a collection's name is its fingerprint, so a restored one
must get exactly the old name. A restore is therefore rehearsed first: every snapshot is uploaded
under a temporary name and compared. Only then is each uploaded again under its own name; the server
unpacks and validates it before it replaces the old one. If that fails, the old collections are
uploaded again from copies that were made just before.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, NothingIndexedError, StoreBusyError
from harness.files import sync
from harness.store.collection_names import COLLECTION_NAME
from harness.store.qdrant_records import CATALOG, FILES_SUFFIX, QdrantRecords
from harness.store.qdrant_snapshot_api import SnapshotApi
from harness.store.snapshots import (
    Sample,
    SnapshotFile,
    Snapshots,
    Step,
    compare,
    some_points,
    vector_checksum,
)

logger = logging.getLogger(__name__)

_RESTORING = "harness-restoring-"
_REMOTE = "remote-snapshot.json"


class QdrantSnapshots(Snapshots):
    """Snapshots that the server makes of its collections.

    A snapshot holds what one node has. On a cluster that is everything, because each node holds
    whole collections, the way this project makes them; a node that lacks a part is refused.

    :param records: names the collections, and reads their points through its client.
    """

    def __init__(self, records: QdrantRecords, api: SnapshotApi) -> None:
        self._records = records
        self._requests = records.requests
        self._client = records.requests.client
        self._api = api

    # Out

    def capture(self, folder: Path, step: Step) -> tuple[SnapshotFile, ...]:
        # Records are copied before the points: a record promises that its chunks are stored.
        before = self._records.manifests()
        if not before:
            raise NothingIndexedError("nothing is indexed, so there is nothing to back up")
        names = [CATALOG, *(f"{manifest.collection}{FILES_SUFFIX}" for manifest in before)]
        names += [manifest.collection for manifest in before]
        files = tuple(self._copy(name, folder, step) for name in names)
        if self._records.manifests() != before:
            raise StoreBusyError(
                "a collection was added or removed while the index was copied; try again"
            )
        return files

    def _copy(self, name: str, folder: Path, step: Step) -> SnapshotFile:
        step(f"copying {name}")
        points, samples = self._look(name)
        remote = self._api.create(name)
        note = folder / _REMOTE
        note.write_text(json.dumps({"collection": name, "name": remote.name}))
        target = folder / f"{name}.snapshot"
        try:
            sha256, size = self._api.download(remote, target)
        finally:
            # A copy that stays would fill the volume of the data; a failure here hides nothing.
            with suppress(HarnessError):
                self._api.delete(name, remote.name)
                note.unlink()
        points_after, samples_after = self._look(name, [sample.id for sample in samples])
        return SnapshotFile(
            *(name, target.name, sha256, size, points_after),
            exact=points == points_after and set(samples) == set(samples_after),
            samples=tuple(sample for sample in samples if sample in set(samples_after)),
        )

    def clean(self, folder: Path) -> None:
        """Remove from the server the snapshot that a killed run had not downloaded yet."""
        with suppress(OSError, ValueError, KeyError, HarnessError):
            remote = json.loads((folder / _REMOTE).read_text())
            self._api.delete(remote["collection"], remote["name"])

    def _look(self, name: str, ids: Sequence[str] | None = None) -> tuple[int, tuple[Sample, ...]]:
        """Count points and sample the vectors of these, or of some at random."""
        points = self._requests.count(name)
        if name.endswith((CATALOG, FILES_SUFFIX)) or ids == []:
            return points, ()

        def page(start: str | None, limit: int) -> Sequence[Any]:
            look = partial(self._client.scroll, with_payload=False, with_vectors=True)
            found, _ = self._requests.call(partial(look, name, limit=limit, offset=start))
            return found

        if ids is None:
            found = some_points(page)
        else:
            look = partial(self._client.retrieve, with_payload=False, with_vectors=True)
            found = self._requests.call(partial(look, name, list(ids)))
        return points, tuple(Sample(str(p.id), vector_checksum(p.vector)) for p in found)

    # Back

    def rehearse(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        # One collection at a time, so that disk space for one is enough.
        for name in self._names():
            if name.startswith(_RESTORING):  # of a killed run
                self._requests.drop(name)
        for file in files:
            step(f"checking {file.collection}")
            self._upload(f"{_RESTORING}{file.collection}", folder, file, keep=False)

    def _upload(self, name: str, folder: Path, file: SnapshotFile, keep: bool = True) -> None:
        try:
            self._api.upload(name, folder / file.file, file.sha256, everywhere=keep)
            points, samples = self._look(name, [sample.id for sample in file.samples])
            compare(file, points, samples)
        finally:
            if not keep:
                self._requests.drop(name)

    def restore(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        # Points first, the catalog that names them last.
        self.rehearse(folder, files, step)
        present = self._names()
        files = list(reversed(files))
        with tempfile.TemporaryDirectory(prefix=".partial-undo-", dir=folder.parent) as undo:
            old = self._old(files, present, Path(undo), step)
            began: list[str] = []
            try:
                for file in files:
                    step(f"restoring {file.collection}")
                    began.append(file.collection)
                    self._upload(file.collection, folder, file)
            except BaseException:
                step("putting the old index back")
                self._put_back(began, old, present, Path(undo))
                raise
        kept = {file.collection for file in files}
        for name in present:
            # Those of indexes that the backup does not know: nothing would name them any more.
            if COLLECTION_NAME.fullmatch(name) and name not in kept:
                with suppress(HarnessError):
                    self._requests.drop(name)

    def _old(
        self, files: Sequence[SnapshotFile], present: Sequence[str], undo: Path, step: Step
    ) -> dict[str, SnapshotFile]:
        old: dict[str, SnapshotFile] = {}
        for file in files:
            if file.collection in present:
                try:
                    old[file.collection] = self._copy(file.collection, undo, step)
                except HarnessError as error:  # it may be damaged, and restored for that reason
                    logger.warning("%s cannot be kept: %s", file.collection, error)
        sync(undo)
        return old

    def _put_back(
        self,
        names: Sequence[str],
        old: dict[str, SnapshotFile],
        present: Sequence[str],
        undo: Path,
    ) -> None:
        for name in names:
            try:
                if name in old:
                    self._api.upload(name, undo / old[name].file, old[name].sha256)
                elif name not in present:
                    self._requests.drop(name)
            except HarnessError as error:
                logger.error("%s is not as it was: %s; restore again", name, error)

    def _names(self) -> list[str]:
        found = self._requests.call(self._client.get_collections)
        return [collection.name for collection in found.collections]
