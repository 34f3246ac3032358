"""Shards of Qdrant Edge in a folder, each opened for one operation and closed again.

Edge allows one process at a time, so an operation holds an advisory file lock, which the kernel
releases however the holder ends. Nothing is held while files are parsed or embedded: a search
during an index run waits for one write at most.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from harness.errors import HarnessError, StoreBusyError, StoreError, StoreFullError
from harness.files import private_folder
from harness.store.payload import KEYWORD_INDEXES, TENANT_INDEX

# Below some hundred thousand points an exact scan is fast (9 ms at 100k) and HNSW with default
# settings loses recall, so the optimizer must not build it. Unit: kilobytes of vectors.
_INDEXING_THRESHOLD_KB = 10**9
# A new shard is 200 MB of mapped, empty files. Where a write would fail on a full disk, touching a
# page of a mapped file kills the process (SIGBUS), so there must be room for all of them before
# anything is written.
_RESERVE_BYTES = 256_000_000

logger = logging.getLogger(__name__)


class EdgeShards:
    """The shards below one folder, each in a folder named after its collection.

    :param root: the folder; created with mode 0700.
    :param lock_timeout_seconds: how long an operation waits for another process.
    :raises StoreError: the folder cannot be made.
    """

    def __init__(self, root: Path, lock_timeout_seconds: float) -> None:
        self.root = root
        self._lock_timeout_seconds = lock_timeout_seconds
        self._held = threading.local()
        try:
            private_folder(root)
        except OSError as error:
            raise StoreError(
                f"cannot write to {root} ({error.strerror}); set HARNESS_DATA_DIR to a folder "
                "that can be written"
            ) from error

    def exists(self, collection: str) -> bool:
        """Tell whether there is a shard; says nothing of its health."""
        return (self.root / collection).is_dir()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store's lock; the holder's pid is written beside it, for the messages of others.

        :raises StoreBusyError: another process held it for the whole time-out.
        """
        holder = self.root / "holder"
        lock = filelock.FileLock(self.root / "lock", thread_local=False, mode=0o600)
        try:
            lock.acquire(timeout=self._lock_timeout_seconds, poll_interval=0.01)
        except filelock.Timeout:
            pid = "unknown"
            with contextlib.suppress(OSError):
                pid = holder.read_text().strip() or pid
            raise StoreBusyError(
                f"the index in {self.root} was held by process {pid} for more than "
                f"{self._lock_timeout_seconds:g} s; wait for it or end it"
            ) from None
        try:
            with contextlib.suppress(OSError):  # only for messages: a full disk must not stop reads
                holder.write_text(f"{os.getpid()}\n")
            yield
        finally:
            lock.release()

    @contextmanager
    def open(self, collection: str) -> Iterator[Any]:
        """Open a collection's shard while holding the store's lock; inside such a block of the same
        thread, the shard that is open already is taken.

        :raises StoreError: it is missing or damaged, or the operation in the block failed.
        :raises StoreBusyError: as :meth:`exclusive`.
        """
        from qdrant_edge import EdgeShard

        shard = getattr(self._held, "shards", {}).get(collection)
        if shard is not None:
            yield shard
            return
        folder = self.root / collection
        with self.exclusive():
            if not folder.is_dir():
                raise StoreError(f"collection {collection} is missing; run `harness index --full`")
            try:
                shard = EdgeShard.load(str(folder))
            except Exception as error:  # the binding raises plain Exceptions
                raise StoreError(
                    f"collection {collection} cannot be opened ({first_line(error)}); restore a "
                    "backup or run `harness index --full`"
                ) from error
            self._held.shards = {collection: shard}
            try:
                yield shard
            except HarnessError:
                raise
            except Exception as error:
                raise StoreError(
                    f"the index refused an operation ({first_line(error)}); check the disk's space"
                ) from error
            finally:
                self._held.shards = {}
                shard.close()

    @contextmanager
    def writing(self, collection: str) -> Iterator[Any]:
        """As :meth:`open`, for what adds or removes points.

        :raises StoreError: as :meth:`open`.
        :raises StoreFullError: the disk is nearly full.
        """
        self._require_space()
        with self.open(collection) as shard:
            yield shard

    def compact(self, collection: str) -> None:
        """Let the optimizer rewrite a shard, unless the disk has no room for a second one."""
        folder = self.root / collection
        held = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
        free = shutil.disk_usage(self.root).free
        if free < held + _RESERVE_BYTES:
            logger.warning("%s is not compacted: only %d MB free", collection, free // 1_000_000)
            return
        with self.open(collection) as shard:
            shard.optimize()

    def _require_space(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < _RESERVE_BYTES:
            raise StoreFullError(
                f"only {free / 1e6:.0f} MB free in {self.root}, the index keeps "
                f"{_RESERVE_BYTES / 1e6:.0f} in reserve; free some space, or set HARNESS_DATA_DIR "
                "to a folder on another disk"
            )

    def create(self, collection: str, dimension: int) -> None:
        """Make an empty shard with its payload indexes; call it while :meth:`exclusive`.

        :param dimension: length of the dense vectors.
        :raises StoreError: the folder cannot be written.
        :raises StoreFullError: the disk is nearly full.
        """
        from qdrant_edge import (
            Distance,
            EdgeConfig,
            EdgeOptimizersConfig,
            EdgeShard,
            EdgeSparseVectorParams,
            EdgeVectorParams,
            KeywordIndexParams,
            Modifier,
            PayloadSchemaType,
            UpdateOperation,
        )

        self._require_space()
        folder = self.root / collection
        # A folder that is already there was left by a creation that was killed.
        shutil.rmtree(folder, ignore_errors=True)
        building = self.root / f".{collection}.building"
        shutil.rmtree(building, ignore_errors=True)
        try:
            private_folder(building, new=True)
            shard = EdgeShard.create(
                str(building),
                EdgeConfig(
                    vectors={"dense": EdgeVectorParams(dimension, Distance.Cosine)},
                    sparse_vectors={"bm25": EdgeSparseVectorParams(modifier=Modifier.Idf)},
                    optimizers=EdgeOptimizersConfig(indexing_threshold=_INDEXING_THRESHOLD_KB),
                ),
            )
            tenant = KeywordIndexParams(is_tenant=True)
            shard.update(UpdateOperation.create_field_index(TENANT_INDEX, tenant))
            for key in KEYWORD_INDEXES:  # each costs time at every opening, so not the language
                shard.update(UpdateOperation.create_field_index(key, PayloadSchemaType.Keyword))
            shard.close()
            building.rename(folder)
        except Exception as error:
            shutil.rmtree(building, ignore_errors=True)
            raise StoreError(
                f"cannot create a collection in {self.root} ({first_line(error)}); check the "
                "disk's space and permissions"
            ) from error

    def delete(self, collection: str) -> None:
        """Remove a shard; call it while :meth:`exclusive`."""
        shutil.rmtree(self.root / collection, ignore_errors=True)


def first_line(error: BaseException) -> str:
    """What the engine says of an error, without the backtrace that it may add."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
