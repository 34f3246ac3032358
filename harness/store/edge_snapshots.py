"""Snapshots of the embedded store: a compressed tar file a collection, and ``records.sqlite``.

Under the store's lock a folder is only copied; the lock is released before the copy is compressed.
The engine allocates its files ahead and they are mostly empty, so blocks of zeros are not written:
20,000 points are 232 MB of which 99 MB are on the disk, and 58 MB compressed (level 1, 3 s).
"""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import tarfile
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

from harness.errors import NothingIndexedError, StoreBusyError, StoreError
from harness.files import PRIVATE_FILE, new_private, private_folder, sync
from harness.store.edge import EdgeStore
from harness.store.edge_records import Records
from harness.store.snapshots import (
    COLLECTION_NAME,
    SAMPLES,
    Sample,
    SnapshotFile,
    Step,
    compare,
    file_sha256,
    vector_checksum,
)

_RECORDS = "records.sqlite"
_RESTORING = ".restoring-"
_REPLACED = "replaced"
_BLOCK = bytes(1 << 16)


class EdgeSnapshots:
    """See :class:`harness.store.snapshots.Snapshots`.

    :param root: the store's folder.
    :param lock_timeout_seconds: how long to wait for another process that holds the store.
    """

    engine = "edge"

    def __init__(self, root: Path, lock_timeout_seconds: float = 60.0) -> None:
        self._root = root
        self._timeout_seconds = lock_timeout_seconds
        self._store = EdgeStore(root, lock_timeout_seconds)

    def close(self) -> None:
        """Nothing stays open."""

    def clean(self, folder: Path) -> None:
        """See the Protocol: nothing is written outside the folder."""

    # Out

    def capture(self, folder: Path, step: Step) -> tuple[SnapshotFile, ...]:
        """See the Protocol.

        Records are copied before the points: a record promises that its chunks are stored, and
        those written since are at worst embedded again.
        """
        looked: list[tuple[str, int, tuple[Sample, ...]]] = []
        with self._store.exclusive():
            manifests = self._store.manifests()
            if not manifests:
                raise NothingIndexedError("nothing is indexed, so there is nothing to back up")
            _copy_records(self._root / _RECORDS, folder / _RECORDS)
            for manifest in manifests:
                name = manifest.collection
                step(f"copying {name}")
                points, samples = _look(self._root / name, SAMPLES)
                _copy_folder(self._root / name, folder / name)
                looked.append((name, points, samples))
        records = folder / _RECORDS
        files = [SnapshotFile("", _RECORDS, file_sha256(records), records.stat().st_size)]
        for name, points, samples in looked:
            step(f"compressing {name}")
            packed = _pack(folder / name)
            sha256, size = file_sha256(packed), packed.stat().st_size
            files.append(SnapshotFile(name, packed.name, sha256, size, points, True, samples))
        return tuple(files)

    # Back

    def rehearse(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        """See the Protocol."""
        with tempfile.TemporaryDirectory(prefix=".partial-check-", dir=folder.parent) as staging:
            self._unpack(folder, files, Path(staging), step)

    def restore(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        """See the Protocol.

        The copy is unpacked and checked beside the collections; under the lock only names change.
        """
        self._finish_killed_restore()
        staging = Path(tempfile.mkdtemp(prefix=_RESTORING, dir=self._root))
        try:
            self._unpack(folder, files, staging, step)
            for path in staging.rglob("*"):
                sync(path)
            step("replacing the index")
            with self._store.exclusive():
                self._swap(staging, [file.collection for file in files if file.collection])
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _finish_killed_restore(self) -> None:
        """Put back what a restore that was killed between two renames had moved away."""
        with self._store.exclusive():
            for staging in self._root.glob(f"{_RESTORING}*"):
                for folder in staging.glob(f"{_REPLACED}/*"):
                    if not (self._root / folder.name).exists():
                        folder.rename(self._root / folder.name)
                shutil.rmtree(staging, ignore_errors=True)

    def _unpack(
        self, folder: Path, files: Sequence[SnapshotFile], staging: Path, step: Step
    ) -> None:
        for file in files:
            if not file.collection:
                shutil.copyfile(folder / file.file, staging / _RECORDS)
                (staging / _RECORDS).chmod(PRIVATE_FILE)
                Records(staging / _RECORDS, self._timeout_seconds).manifests()
                continue
            step(f"unpacking {file.collection}")
            unpacked = private_folder(staging / file.collection, new=True)
            extract(folder / file.file, unpacked)
            points, samples = _look(unpacked, 0, [sample.id for sample in file.samples])
            compare(file, points, {sample.id: sample.sha256 for sample in samples})

    def _swap(self, staging: Path, names: list[str]) -> None:
        """Exchange the collections' folders, then the records in one transaction.

        The root itself stays, and in it the lock file that other processes wait for.
        """
        replaced = staging / _REPLACED
        replaced.mkdir()
        old = [path for path in self._root.iterdir() if COLLECTION_NAME.fullmatch(path.name)]
        moves = [(path, replaced / path.name) for path in old]
        moves += [(staging / name, self._root / name) for name in names]
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                source.rename(target)
                done.append((source, target))
            sync(self._root)
            self._replace_records(staging / _RECORDS)
        except BaseException:
            for source, target in reversed(done):
                target.rename(source)
            raise

    def _replace_records(self, new: Path) -> None:
        live = self._root / _RECORDS
        try:
            with (
                closing(sqlite3.connect(new)) as source,
                closing(sqlite3.connect(live, timeout=self._timeout_seconds)) as target,
            ):
                source.backup(target)
        except sqlite3.OperationalError as error:
            raise StoreBusyError(f"{live}: {error}; end other runs and try again") from error
        except sqlite3.DatabaseError:
            # The live file is damaged, which is why it is being restored.
            for suffix in ("-wal", "-shm"):
                live.with_name(f"{_RECORDS}{suffix}").unlink(missing_ok=True)
            new.replace(live)


def extract(archive: Path, folder: Path) -> None:
    """Unpack a compressed tar file of plain files and folders into an empty folder.

    :raises StoreError: it holds anything else, a name outside the folder, or is damaged.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                parts = Path(member.name).parts
                plain = member.isreg() or member.isdir()
                if not plain or ".." in parts or Path(member.name).is_absolute():
                    raise StoreError(
                        f"{archive.name} holds {member.name!r}, which no backup does; refused"
                    )
                target = folder / member.name
                if member.isdir():
                    private_folder(target)
                    continue
                source = tar.extractfile(member)
                if source is not None:
                    with source:
                        _copy_sparse(source, target, member.size)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, OSError) as error:
        raise StoreError(f"cannot unpack {archive}: {error}; check the disk's space") from error


def _copy_folder(source: Path, target: Path) -> None:
    private_folder(target, new=True)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            private_folder(copy, new=True)
        else:
            with path.open("rb") as file:
                _copy_sparse(file, copy, path.stat().st_size)


def _copy_sparse(source: IO[bytes], target: Path, size: int) -> None:
    """Write ``size`` bytes into a new file, leaving out blocks of zeros."""
    with new_private(target, durable=False) as file:
        left = size
        while left > 0 and (block := source.read(min(left, len(_BLOCK)))):
            left -= len(block)
            if block == _BLOCK:
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)
        file.truncate(size)
    if left:
        raise EOFError(f"{target.name} ends {left} bytes early")


def _pack(folder: Path) -> Path:
    """Replace a folder by a compressed tar file; higher levels than 1 gain little."""
    packed = folder.with_name(f"{folder.name}.tar.gz")
    with (
        new_private(packed) as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=1) as target,
        tarfile.open(fileobj=target, mode="w|") as tar,
    ):
        tar.add(folder, arcname=".")
    shutil.rmtree(folder)
    return packed


def _copy_records(source: Path, target: Path) -> None:
    with new_private(target, durable=False):
        pass  # SQLite would make it with the usual mode
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            # One file instead of three; the store sets its own mode when it opens it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy {source}: {error}; check the disk's space") from error
    sync(target)


def _look(folder: Path, some: int, ids: list[str] | None = None) -> tuple[int, tuple[Sample, ...]]:
    """Count a shard's points and checksum the vectors of these, or of some at random.

    Ids are hashes, so that those behind a random one are a random sample.
    """
    from qdrant_edge import CountRequest, EdgeShard, ScrollRequest

    shard: Any = None
    try:
        shard = EdgeShard.load(str(folder))
        points = int(shard.count(CountRequest(exact=True)))
        if ids is not None:
            found = shard.retrieve(ids, False, True) if ids else []
        else:
            request: dict[str, Any] = {"with_payload": False, "with_vector": True}
            start = str(uuid.uuid4())
            found, _ = shard.scroll(ScrollRequest(offset=start, limit=some, **request))
            if len(found) < some:
                found, _ = shard.scroll(ScrollRequest(limit=some, **request))
        return points, tuple(Sample(str(p.id), vector_checksum(p.vector)) for p in found)
    except Exception as error:  # the binding raises plain Exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise StoreError(f"{folder.name} cannot be opened ({reason}); use another copy") from error
    finally:
        if shard is not None:
            with suppress(Exception):
                shard.close()
