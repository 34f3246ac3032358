"""One index run per repository at a time, wherever the runs are.

Of two at once, the one that ends last might record the older commit. A waiting run is superseded by
a later one that asks for the same thing: however many pushes arrive, one run is under way, one
waits, and the latest commit is read.

Where the index is on a server, a lease in it decides (:mod:`harness.index.leases`). An embedded
index belongs to one machine, whose kernel takes a lock from a killed process at once; the lease
there only counts the holders, so that what a former one has started can be told from ours.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout

from harness.files import private_folder
from harness.index.leases import Contender, HeldLease, set_holder
from harness.index.options import LEASE_SECONDS
from harness.index.pause_guard import killed_when_paused
from harness.repository.sources import source_of
from harness.store.protocol import VectorStore

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


def _log_wait() -> None:
    logger.info("another run is working on this repository: waiting for it to end")


@contextmanager
def hold_repository(
    store: VectorStore,
    data_dir: Path,
    source: str,
    request: str | None = None,
    own_id: str = "",
    *,
    lease_seconds: float = LEASE_SECONDS,
    may_be_killed: bool = False,
    on_wait: Callable[[], None] = _log_wait,
) -> Iterator[HeldLease | None]:
    """Wait until no other run is working on a repository, and hold it.

    :param store: where the index is. Within the block it asks the lease before each change
        (:meth:`harness.store.protocol.VectorStore.guard`).
    :param source: folder or URL; a trailing ``.git`` makes no difference.
    :param request: what is asked for; equal requests have equal texts. None: this run never gives
        way to a later one.
    :param own_id: tells this run from others.
    :param lease_seconds: after so long without a sign of life a holder on another machine counts
        as gone.
    :param may_be_killed: this process is there for the run alone, so that it may be ended when it
        was paused for half of that time (:mod:`harness.index.pause_guard`). Without, what was being
        sent when it was stopped arrives late.
    :param on_wait: called once, when another run holds the repository.
    :returns: None, without holding anything, when a later equal request is waiting as well.
    :raises HarnessError: the store cannot be asked.
    """
    key = lease_key(source)
    own_id = own_id or secrets.token_hex(8)
    # Not our id: a flow run that is started again has the same one, and what its first start has
    # begun must not go on beside it.
    turn = Turn(store, data_dir, key, secrets.token_hex(8), lease_seconds)
    last = f"{key}-{_digest(request or '')}"
    lease = turn.attempt()
    if lease is None:
        on_wait()
        if request is not None:
            set_holder(store, last, own_id)
        while (lease := turn.attempt()) is None:
            time.sleep(_POLL_SECONDS)
            if request is not None and (found := store.lease(last)) and found.holder != own_id:
                yield None
                return
    watched = killed_when_paused(lease_seconds / 2) if may_be_killed else nullcontext()
    store.guard(lease.check)
    try:
        with nullcontext() if store.is_embedded else watched:
            yield lease
    finally:
        store.guard(nobody)
        lease.release()
        turn.end()


def nobody() -> None:
    """Nothing is held any more."""


class Turn:
    """The ways to know that nobody else is at work: a lock here, a lease on a server.

    :param key: of the lease; part of a file's name.
    """

    def __init__(
        self, store: VectorStore, data_dir: Path, key: str, holder: str, lease_seconds: float
    ) -> None:
        self._contender = Contender(store, key, holder, lease_seconds)
        self._lock: FileLock | None = None
        if store.is_embedded:
            folder = private_folder(data_dir.resolve() / "run-locks")
            self._lock = FileLock(folder / f"{key}.lock", mode=0o600)

    def attempt(self) -> HeldLease | None:
        """Hold it if nobody else does; the lease is to be released before :meth:`end`.

        :raises HarnessError: the store cannot be asked.
        """
        if self._lock is None:
            return self._contender.attempt()
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return None
        try:
            lease = self._contender.attempt(is_free=True)
        except BaseException:
            self._lock.release()
            raise
        if lease is None:
            self._lock.release()
        return lease

    def end(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            self._lock.release()


def lease_key(source: str) -> str:
    """The key of a repository's lease.

    :param source: folder or URL.
    """
    return _digest(source_of(source))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
