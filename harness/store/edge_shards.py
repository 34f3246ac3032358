"""Shards of Qdrant Edge in a folder, open as long as nobody else waits for them.

Edge allows one process at a time, so an open shard goes with the store's lock. Opening takes longer
than a query, so what was opened stays open between operations: until another process waits (it is
looked for after each operation, and by a thread in between), or nothing was asked for a while. What
changes the folders of shards, such as a restore, is alone with them.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, StoreBusyError, StoreError, StoreFullError
from harness.files import private_folder
from harness.store.edge_config import create_indexes, shard_config
from harness.store.edge_lock import StoreLock

# A new shard is 200 MB of mapped, empty files. Where a write would fail on a full disk, touching a
# page of a mapped file kills the process (SIGBUS), so there must be room for all of them before
# anything is written.
_RESERVE_BYTES = 256_000_000
# How long somebody who waits is not seen while nothing is asked of this process.
_LOOK_SECONDS = 0.025
# A process that was stopped (Ctrl-Z) cannot hand over: one that has been idle holds nothing.
_IDLE_SECONDS = 30.0

logger = logging.getLogger(__name__)


class EdgeShards:
    """The shards below one folder, each in a folder named after its collection.

    Threads take turns.

    :param root: the folder; created with mode 0700.
    :param lock_timeout_seconds: how long an operation waits for another process or thread.
    :raises StoreError: the folder cannot be made.
    """

    def __init__(self, root: Path, lock_timeout_seconds: float) -> None:
        self.root = root
        self._lock_timeout_seconds = lock_timeout_seconds
        self._turn = threading.RLock()
        self._lock = StoreLock(root, lock_timeout_seconds)
        self._open: dict[str, Any] = {}
        # Written to since the last flush.
        self._unflushed: set[str] = set()
        # A segment was packed since the shard was opened: its memory is given back at closing.
        self._packed = False
        self._depth = 0
        self._used = 0.0
        self._keeper: threading.Thread | None = None
        try:
            private_folder(root)
        except OSError as error:
            raise StoreError(
                f"cannot write to {root} ({error.strerror}); set HARNESS_DATA_DIR to a folder "
                "that can be written"
            ) from error

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self._let_go()

    def exists(self, collection: str) -> bool:
        """Tell whether there is a shard; says nothing of its health."""
        return (self.root / collection).is_dir()

    def close(self) -> None:
        """Close every shard and release the lock; the next operation opens what it needs again."""
        with self._turn:
            self._let_go()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store's lock while no shard is open here or anywhere else.

        :raises StoreBusyError: another process held it for the whole time-out.
        """
        with self._in_turn():
            self._let_go()
            self._lock.acquire()
            try:
                yield
            finally:
                self._lock.release()

    @contextmanager
    def open(self, collection: str) -> Iterator[Any]:
        """A collection's shard, opened unless it is open already; nobody else has it meanwhile.

        :raises StoreError: it is missing or damaged, or the operation in the block failed.
        :raises StoreBusyError: as :meth:`exclusive`.
        """
        with self._in_turn():
            shard = self._open.get(collection)
            if shard is None:
                shard = self._load(collection)
            self._depth += 1
            try:
                yield shard
            except HarnessError:
                raise
            except Exception as error:
                self._let_go()  # whatever state it is in, the next one reads it from the disk
                raise StoreError(
                    f"the index refused an operation ({first_line(error)}); check the disk's space"
                ) from error
            finally:
                self._depth -= 1
                if not self._depth:
                    self._rest()

    @contextmanager
    def writing(self, collection: str) -> Iterator[Any]:
        """As :meth:`open`, for what adds or removes points. It is searchable at once, and on the
        disk after :meth:`flush`; a process that is killed loses none of it.

        :raises StoreError: as :meth:`open`.
        :raises StoreFullError: the disk is nearly full.
        """
        self._require_space()
        with self.open(collection) as shard:
            self._unflushed.add(collection)
            yield shard

    def flush(self, collection: str) -> None:
        """Bring what was written to the disk, so that it survives a power failure.

        :raises StoreError: the disk refuses it.
        """
        with self._in_turn():
            if collection in self._unflushed:  # else closing it has done that
                with self.open(collection) as shard:
                    shard.flush()
                    self._unflushed.discard(collection)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._lock_timeout_seconds):
            raise StoreBusyError(
                f"the index in {self.root} was in use by another thread of this process for more "
                f"than {self._lock_timeout_seconds:g} s; try again"
            )
        try:
            yield
        finally:
            self._turn.release()

    def _load(self, collection: str) -> Any:
        from qdrant_edge import EdgeShard

        if not self._lock.is_held:
            self._lock.acquire()
        folder = self.root / collection
        try:
            if not folder.is_dir():
                raise StoreError(f"collection {collection} is missing; run `harness index --full`")
            try:
                shard = EdgeShard.load(str(folder))
            except Exception as error:  # the binding raises plain Exceptions
                raise StoreError(
                    f"collection {collection} cannot be opened ({first_line(error)}); restore a "
                    "backup or run `harness index --full`"
                ) from error
            self._open[collection] = shard
        except BaseException:
            if not self._depth:
                self._let_go()
            raise
        return shard

    def _rest(self) -> None:
        """After an operation: hand over to whoever waits, or see to it that somebody looks."""
        if not self._lock.is_held:
            return
        if self._packed or self._lock.is_wanted():
            self._packed = False
            self._let_go()
            return
        self._used = time.monotonic()
        if self._keeper is None:
            self._keeper = threading.Thread(
                target=_keep, args=(weakref.ref(self),), name="edge-keeper", daemon=True
            )
            self._keeper.start()

    def _let_go(self) -> None:
        """Close what is open, which writes it to the disk, and release the lock."""
        try:
            while self._open:
                collection, shard = self._open.popitem()
                try:
                    shard.close()
                    self._unflushed.discard(collection)
                except Exception as error:  # flush() tries again, and says what is wrong
                    logger.warning("%s was not closed: %s", collection, first_line(error))
        finally:
            self._lock.release()

    def hand_over_if_wanted(self) -> bool:
        """Between operations: let go when somebody waits or nothing was asked for long.

        :returns: whether there is still something to look after.
        """
        if not self._turn.acquire(blocking=False):
            return True  # an operation is under way and looks itself when it ends
        try:
            idle = time.monotonic() - self._used > _IDLE_SECONDS
            if self._open and (idle or self._lock.is_wanted()):
                self._let_go()
            if not self._open:
                self._keeper = None
            return self._keeper is not None
        finally:
            self._turn.release()

    def compact(self, collection: str) -> None:
        """Let the optimizer rewrite a shard, unless the disk has no room for a second one."""
        folder = self.root / collection
        held = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
        free = shutil.disk_usage(self.root).free
        if free < held + _RESERVE_BYTES:
            logger.warning("%s is not compacted: only %d MB free", collection, free // 1_000_000)
            return
        with self.open(collection) as shard:
            self._unflushed.add(collection)
            if shard.optimize():
                self._packed = True

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
        from qdrant_edge import EdgeShard

        self._require_space()
        folder = self.root / collection
        # A folder that is already there was left by a creation that was killed.
        shutil.rmtree(folder, ignore_errors=True)
        building = self.root / f".{collection}.building"
        shutil.rmtree(building, ignore_errors=True)
        try:
            private_folder(building, new=True)
            shard = EdgeShard.create(str(building), shard_config(dimension))
            create_indexes(shard)
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


def _keep(shards: weakref.ref[EdgeShards]) -> None:
    """Look after shards that are open until they are closed or forgotten."""
    while True:
        time.sleep(_LOOK_SECONDS)
        kept = shards()
        if kept is None or not kept.hand_over_if_wanted():
            return
        del kept
