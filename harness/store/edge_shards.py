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
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import StoreBusyError, StoreError
from harness.files import private_folder
from harness.store import integrity
from harness.store.collection_names import collection_name
from harness.store.edge_config import create_indexes
from harness.store.edge_lock import StoreLock
from harness.store.edge_making import has_room_beside, held_bytes, require_space
from harness.store.engine_faults import first_line, is_engines, translate
from harness.store.memory_room import require_room

# Segments that are packed before a shard is closed and opened again, which lets go of some 20 MB of
# files for each; opening takes the longer the more there are.
_PACKED_AT_MOST = 16
# How long somebody who waits is not seen while nothing is asked of this process.
_LOOK_SECONDS = 0.025
# How long other threads of this process come before other processes, from when it has got the
# store: as long as getting it took, within these bounds. To close a shard here and open it there
# takes as long as thirty searches, so that one each is too few.
_STRETCH_SECONDS = (0.25, 5.0)
# A process that was stopped (Ctrl-Z) cannot hand over: one that has been idle holds nothing.
_IDLE_SECONDS = 30.0

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Open:
    """A shard that is open; ``seal`` is the one it was opened with. ``packed`` segments were since;
    ``held_bytes`` of the disk it had after the last of them, None: not known."""

    shard: Any
    seal: integrity.Seal | None
    changed: bool = False
    packed: int = 0
    held_bytes: int | None = None


class EdgeShards:
    """The shards below one folder, each in a folder named after its collection.

    Threads take turns; those that wait already have theirs before the store is given away, for a
    bounded time.

    :param root: the folder; created with mode 0700.
    :param lock_timeout_seconds: how long an operation waits for another process or thread.
    :raises StoreError: the folder cannot be made.
    """

    def __init__(self, root: Path, lock_timeout_seconds: float) -> None:
        self.root = root
        self._lock_timeout_seconds = lock_timeout_seconds
        self._turn = threading.RLock()
        self._lock = StoreLock(root, lock_timeout_seconds)
        self._open: dict[str, _Open] = {}
        # Written to since the last flush.
        self._unflushed: set[str] = set()
        self._depth = 0
        self._used = 0.0
        self._ours_until = 0.0
        # Threads that wait for their turn, by their numbers: adding to a set is atomic.
        self._in_line: set[int] = set()
        # Asked before each change, while the shard is held: see VectorStore.guard.
        self.before_write: Callable[[], None] = _nothing
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
        return self.folder(collection).is_dir()

    def shard_if_open(self, collection: str) -> Any:
        """The shard if it is open now, without waiting for who uses it; None if it is not. While it
        is, the store is ours: no other process has written to it."""
        opened = self._open.get(collection)
        return opened.shard if opened is not None else None

    def folder(self, collection: str) -> Path:
        """The folder of a collection: the one place where its name becomes a path.

        :raises UnsafeNameError: it is not a collection's name.
        """
        return self.root / collection_name(collection)

    def close(self) -> None:
        """Close every shard and release the lock; the next operation opens what it needs again."""
        with self._turn:
            self._let_go()

    def leave(self) -> None:
        """Close what has to be written or sealed. To close a shard that was only read takes as long
        as a search, and changes nothing: the end of the process does the same."""
        with self._turn:
            for collection, opened in list(self._open.items()):
                if opened.changed or (opened.seal is not None and not opened.seal.settled):
                    self._close(collection)

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
            opened = self._open.get(collection) or self._load(collection)
            self._depth += 1
            try:
                yield opened.shard
            except BaseException as error:
                if not is_engines(error):
                    raise
                self._let_go()  # whatever state it is in, the next one reads it from the disk
                raise self._failure(error, opened, collection) from error
            finally:
                self._depth -= 1
                if not self._depth:
                    self._rest()

    @contextmanager
    def open_held(self, collection: str) -> Iterator[Any]:
        """As :meth:`open`, while :meth:`exclusive`: the shard is closed again after the block."""
        opened = self._load(collection)
        try:
            yield opened.shard
        except BaseException as error:
            if not is_engines(error):
                raise
            self._close(collection)
            raise self._failure(error, opened, collection) from error
        finally:
            self._close(collection)

    def _failure(self, error: BaseException, opened: _Open, collection: str) -> StoreError:
        """The error for one of the engine's; says whether the shard's files are the reason.

        :raises StoreDamagedError: they are.
        """
        if opened.seal is not None and opened.seal.settled and not opened.changed:
            integrity.check(self.folder(collection), thorough=True)
        return translate(error, collection, opening=False)

    @contextmanager
    def writing(self, collection: str) -> Iterator[Any]:
        """As :meth:`open`, for what adds or removes points. It is searchable at once, and on the
        disk after :meth:`flush`; a process that is killed loses none of it.

        :raises StoreError: as :meth:`open`.
        :raises StoreFullError: the disk is nearly full.
        """
        require_space(self.root)
        with self.open(collection) as shard:
            self.before_write()
            self._unseal(collection)
            yield shard

    def _unseal(self, collection: str) -> None:
        """Before a shard that is open is changed."""
        self._unflushed.add(collection)
        opened = self._open[collection]
        if not opened.changed:
            integrity.remove(self.folder(collection))
            opened.changed = True
            create_indexes(opened.shard)  # nothing to do, unless a former version made the shard

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
        if not self._turn.acquire(blocking=False):
            thread = threading.get_ident()
            self._in_line.add(thread)
            has_turn = self._turn.acquire(timeout=self._lock_timeout_seconds)
            self._in_line.discard(thread)
            if not has_turn:
                raise StoreBusyError(
                    f"the index in {self.root} was in use by another thread of this process for "
                    f"more than {self._lock_timeout_seconds:g} s; try again"
                )
        try:
            yield
        finally:
            self._turn.release()

    def _load(self, collection: str) -> _Open:
        from qdrant_edge import EdgeShard

        began = None
        if not self._lock.is_held:
            began = time.monotonic()
            self._lock.acquire()
        folder = self.folder(collection)
        try:
            if not folder.is_dir():
                raise StoreError(f"collection {collection} is missing; run `harness index --full`")
            seal = integrity.check(folder)
            require_room(folder)
            if seal is not None and not seal.settled:
                integrity.remove(folder)
            try:
                opened = _Open(EdgeShard.load(str(folder)), seal)
            except BaseException as error:
                if not is_engines(error):
                    raise
                raise translate(error, collection, opening=True) from error
            self._open[collection] = opened
            if began is not None:
                least, most = _STRETCH_SECONDS
                now = time.monotonic()
                self._ours_until = now + min(max(now - began, least), most)
        except BaseException:
            if not self._depth:
                self._let_go()
            raise
        return opened

    def _rest(self) -> None:
        """After an operation: hand over to whoever waits, or see to it that somebody looks."""
        if not self._lock.is_held:
            return
        if self._is_due() or any(one.packed >= _PACKED_AT_MOST for one in self._open.values()):
            self._let_go()
            return
        self._used = time.monotonic()
        if self._keeper is None:
            self._keeper = threading.Thread(
                target=_keep, args=(weakref.ref(self),), name="edge-keeper", daemon=True
            )
            self._keeper.start()

    def _is_due(self) -> bool:
        """Whether another process waits for the store, and no thread here comes before it."""
        if self._in_line and time.monotonic() < self._ours_until:
            return False
        return self._lock.is_wanted()

    def _let_go(self) -> None:
        """Close what is open, which writes it to the disk, and release the lock."""
        try:
            for collection in list(self._open):
                self._close(collection)
        finally:
            self._lock.release()

    def _close(self, collection: str) -> None:
        """Close a shard, if it is open, and seal it when it was changed."""
        opened = self._open.pop(collection, None)
        if opened is None:
            return
        try:
            opened.shard.close()
            self._unflushed.discard(collection)
            if opened.changed or (opened.seal is not None and not opened.seal.settled):
                integrity.renew(self.folder(collection), opened.seal, changed=opened.changed)
        except BaseException as error:  # flush() tries again, and says what is wrong
            if not is_engines(error):
                raise
            logger.warning("%s was not closed: %s", collection, first_line(error))

    def hand_over_if_wanted(self) -> bool:
        """Between operations: let go when somebody waits or nothing was asked for long.

        :returns: whether there is still something to look after.
        """
        if not self._turn.acquire(blocking=False):
            return True  # an operation is under way and looks itself when it ends
        try:
            idle = time.monotonic() - self._used > _IDLE_SECONDS
            if self._open and (idle or self._is_due()):
                self._let_go()
            if not self._open:
                self._keeper = None
            return self._keeper is not None
        finally:
            self._turn.release()

    def compact(self, collection: str) -> None:
        """Let the optimizer rewrite a shard, unless the disk has no room for a second one."""
        with self.open(collection) as shard:
            opened = self._open[collection]
            if opened.held_bytes is None:
                opened.held_bytes = held_bytes(self.folder(collection))
            if not has_room_beside(self.folder(collection), opened.held_bytes):
                return
            self._unseal(collection)
            if shard.optimize():
                opened.packed += 1
                opened.held_bytes = None

    def unsealed(self, named: Collection[str]) -> list[str]:
        """Shards without a seal and without a record, as a removal that was killed leaves them.

        :param named: those that the records have.
        """
        folders = self.root.glob("harness-*")
        return [
            folder.name
            for folder in folders
            if folder.name not in named
            and folder.is_dir()
            and not (folder / integrity.SEAL).exists()
        ]

    def delete(self, collection: str) -> None:
        """Remove a shard; call it while :meth:`exclusive`."""
        shutil.rmtree(self.folder(collection), ignore_errors=True)


def _nothing() -> None:
    """Nobody holds the index."""


def _keep(shards: weakref.ref[EdgeShards]) -> None:
    """Look after shards that are open until they are closed or forgotten."""
    while True:
        time.sleep(_LOOK_SECONDS)
        kept = shards()
        if kept is None or not kept.hand_over_if_wanted():
            return
        del kept
