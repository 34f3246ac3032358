"""Snapshots of the embedded store: a compressed tar file per collection, and ``records.sqlite``.

Under the store's lock a folder is only copied; the lock is released before the copy is compressed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import NothingIndexedError, StoreError
from harness.files import private_folder, sync
from harness.names import path_name
from harness.store import integrity
from harness.store.collection_names import COLLECTION_NAME, collection_name
from harness.store.edge_archives import copy_folder, extract, pack
from harness.store.edge_records import RECORDS_FILE, EdgeRecords
from harness.store.edge_shards import EdgeShards
from harness.store.engine_faults import first_line, is_engines
from harness.store.snapshots import (
    Sample,
    SnapshotFile,
    Snapshots,
    Step,
    compare,
    file_sha256,
    some_points,
    vector_checksum,
)

_RESTORING = ".restoring-"
_REPLACED = "replaced"


class EdgeSnapshots(Snapshots):
    """Copies of a store's folder.

    :param shards: the store's shards; their lock is the store's.
    :param records: the store's records, in the same folder.
    """

    def __init__(self, shards: EdgeShards, records: EdgeRecords) -> None:
        self._root = shards.root
        self._shards = shards
        self._records = records

    def clean(self, folder: Path) -> None:
        pass  # nothing is written outside the folder

    # Out

    def capture(self, folder: Path, step: Step) -> tuple[SnapshotFile, ...]:
        # Records are copied before the points: a record promises that its chunks are stored, and
        # chunks written since are at worst embedded again.
        copied: list[tuple[str, int, tuple[Sample, ...]]] = []
        records = folder / RECORDS_FILE
        with self._shards.exclusive():
            manifests = self._records.manifests()
            if not manifests:
                raise NothingIndexedError("nothing is indexed, so there is nothing to back up")
            self._records.copy_to(records)
            for manifest in manifests:
                name = manifest.collection
                step(f"copying {name}")
                with self._shards.open_held(name) as shard:
                    points, samples = _look(shard)
                copy_folder(self._shards.folder(name), folder / name)
                copied.append((name, points, samples))
        files = [SnapshotFile("", RECORDS_FILE, file_sha256(records), records.stat().st_size)]
        for name, points, samples in copied:
            step(f"compressing {name}")
            packed = pack(folder / name)
            sha256, size = file_sha256(packed), packed.stat().st_size
            files.append(SnapshotFile(name, packed.name, sha256, size, points, True, samples))
        return tuple(files)

    # Back

    def rehearse(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        with tempfile.TemporaryDirectory(prefix=".partial-check-", dir=folder.parent) as staging:
            self._unpack(folder, files, Path(staging), step)

    def restore(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        # The copy is unpacked and checked beside the collections; under the lock only names change.
        self._finish_killed_restore()
        staging = Path(tempfile.mkdtemp(prefix=_RESTORING, dir=self._root))
        try:
            self._unpack(folder, files, staging, step)
            for path in staging.rglob("*"):
                sync(path)
            step("replacing the index")
            with self._shards.exclusive():
                self._swap(staging, [file.collection for file in files if file.collection])
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _finish_killed_restore(self) -> None:
        """Put back what a restore that was killed between two renames had moved away."""
        with self._shards.exclusive():
            for staging in self._root.glob(f"{_RESTORING}*"):
                for folder in staging.glob(f"{_REPLACED}/*"):
                    if not (self._root / folder.name).exists():
                        folder.rename(self._root / folder.name)
                shutil.rmtree(staging, ignore_errors=True)

    def _unpack(
        self, folder: Path, files: Sequence[SnapshotFile], staging: Path, step: Step
    ) -> None:
        """Unpack a backup into an empty folder and compare it with what was recorded."""
        for file in files:
            if not file.collection:
                self._records.check_copy(
                    folder / path_name(file.file, "a backup's file"), staging / RECORDS_FILE
                )
                continue
            step(f"unpacking {file.collection}")
            unpacked = private_folder(staging / collection_name(file.collection), new=True)
            extract(folder / path_name(file.file, "a backup's file"), unpacked, file.points)
            points, samples = _look_at_copy(unpacked, [sample.id for sample in file.samples])
            compare(file, points, samples)

    def _swap(self, staging: Path, names: list[str]) -> None:
        """Exchange the collections' folders, then the records in one transaction.

        The root itself stays, and in it the lock file that other processes wait for.
        """
        replaced = staging / _REPLACED
        replaced.mkdir()
        old = [path for path in self._root.iterdir() if COLLECTION_NAME.fullmatch(path.name)]
        moves = [(path, replaced / path.name) for path in old]
        moves += [(staging / name, self._shards.folder(name)) for name in names]
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                source.rename(target)
                done.append((source, target))
            sync(self._root)
            self._records.replace_with(staging / RECORDS_FILE)
        except BaseException:
            for source, target in reversed(done):
                target.rename(source)
            raise


def _look(shard: Any, ids: list[str] | None = None) -> tuple[int, tuple[Sample, ...]]:
    """Count a shard's points and sample the vectors of these, or of some at random."""
    from qdrant_edge import CountRequest, ScrollRequest

    def page(start: str | None, limit: int) -> Sequence[Any]:
        found, _ = shard.scroll(
            ScrollRequest(offset=start, limit=limit, with_payload=False, with_vector=True)
        )
        return list(found)

    points = int(shard.count(CountRequest(exact=True)))
    wanted = shard.retrieve(ids, False, True) if ids else ()
    found = some_points(page) if ids is None else wanted
    return points, tuple(Sample(str(p.id), vector_checksum(p.vector)) for p in found)


def _look_at_copy(folder: Path, ids: list[str]) -> tuple[int, tuple[Sample, ...]]:
    """As :func:`_look`, at a copy of a shard.

    :raises StoreError: it cannot be read.
    """
    from qdrant_edge import EdgeShard

    seal = integrity.check(folder, thorough=True)
    integrity.remove(folder)
    try:
        shard: Any = EdgeShard.load(str(folder))
        try:
            found = _look(shard, ids)
        finally:
            shard.close()
    except BaseException as error:
        if not is_engines(error):
            raise
        raise StoreError(
            f"{folder.name} cannot be opened ({first_line(error)}); use another copy"
        ) from error
    if seal is not None:
        integrity.renew(folder, seal, changed=False)
    return found
