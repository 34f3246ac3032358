"""Holding something by a lease: one holder at a time, wherever it runs, and none for longer than it
gives signs of life.

A holder changes the lease every few seconds. Whoever waits takes it over when it has seen the same
version for the whole time of a lease by its own clock; no two machines' clocks are compared. A
holder that was paused knows by its own clock, which goes on meanwhile, that it may have been taken
for dead: before it writes anything it renews the lease, which fails when somebody else has it. What
was on its way when it was paused is the business of :mod:`harness.index.pause_guard`.
"""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from harness.errors import HarnessError, LeaseLostError
from harness.index.options import LEASE_SECONDS
from harness.store.leases import Lease, LeaseStore

logger = logging.getLogger(__name__)

# Four signs of life in the time after which there should have been one.
_RENEWALS = 4


def clock() -> float:
    """Seconds that also pass while the process is stopped or the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class HeldLease:
    """A lease that is ours until it is released or lost; a thread renews it meanwhile.

    :param seconds: after so long without a sign of life somebody else may take it.
    """

    def __init__(self, store: LeaseStore, lease: Lease, seconds: float, confirmed: float) -> None:
        self._store = store
        self._lease = lease
        self._every_seconds = seconds / _RENEWALS
        # When the last renewal that succeeded began: nobody can have taken it until a lease later.
        self._confirmed = confirmed
        self._lost = False
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    @property
    def fence(self) -> int:
        """The number of this holder among all that there have been."""
        return self._lease.fence

    @property
    def holder(self) -> str:
        """Who we are."""
        return self._lease.holder

    @property
    def key(self) -> str:
        """What is held."""
        return self._lease.key

    @property
    def note(self) -> str:
        """What :meth:`write_note` wrote, or an earlier holder."""
        return self._lease.note

    def check(self) -> None:
        """Make sure that nobody else holds it; asks the store only when some time has passed.

        :raises LeaseLostError: somebody else does, or did.
        :raises HarnessError: the store cannot be asked.
        """
        with self._turn:
            if self._lost or clock() - self._confirmed > self._every_seconds:
                self._renew(self._lease.note)

    def write_note(self, note: str) -> None:
        """Keep a note with the lease. Raises as :meth:`check`."""
        with self._turn:
            self._renew(note)

    def release(self) -> None:
        """Let others have it at once; never raises."""
        self._ended.set()
        with self._turn:
            try:
                if not self._lost:
                    self._swap(replace(self._lease, holder="", version=_version()))
            except HarnessError as error:  # then it ends by itself
                logger.warning("the lease could not be given back: %s", error)
            self._lost = True

    def _renew(self, note: str) -> None:
        began = clock()
        if self._lost or not self._swap(replace(self._lease, version=_version(), note=note)):
            self._lost = True
            raise LeaseLostError(
                "this run was paused for so long that another one has taken its place; it writes "
                "nothing any more"
            )
        self._confirmed = began

    def _swap(self, new: Lease) -> bool:
        if not self._store.swap_lease(new, self._lease.version):
            return False
        self._lease = new
        return True

    def _keep(self) -> None:
        while not self._ended.wait(self._every_seconds):
            try:
                with self._turn:
                    if self._ended.is_set():
                        return
                    self._renew(self._lease.note)
            except LeaseLostError as error:
                logger.error("%s", error)
                return
            except HarnessError as error:  # the store may come back in time
                logger.warning("the lease could not be renewed: %s", error)


class Contender:
    """Somebody who wants a lease.

    :param seconds: of a lease; 0: its last holder is known to be gone.
    """

    def __init__(self, store: LeaseStore, key: str, holder: str, seconds: float) -> None:
        self._store = store
        self._key = key
        self._holder = holder
        self._seconds = seconds
        self._seen = ""
        self._since = 0.0

    def attempt(self, *, is_free: bool = False) -> HeldLease | None:
        """Take the lease if nobody holds it, or its holder has given no sign of life for long
        enough since the first attempt.

        :param is_free: it is known otherwise that its holder is gone.
        :raises HarnessError: the store cannot be asked.
        """
        began = clock()
        lease = self._store.lease(self._key)
        if lease is not None and lease.holder and not is_free:
            if lease.version != self._seen:
                self._seen, self._since = lease.version, began
                return None
            if began - self._since <= self._seconds:
                return None
            logger.warning("its holder gave no sign of life for %.0f s", began - self._since)
        fence = 1 if lease is None else lease.fence + 1
        note = "" if lease is None else lease.note
        new = Lease(self._key, fence, self._holder, _version(), note)
        if not self._store.swap_lease(new, None if lease is None else lease.version):
            return None
        return HeldLease(self._store, new, self._seconds, began)


@contextmanager
def held(
    store: LeaseStore,
    key: str,
    holder: str,
    *,
    seconds: float = LEASE_SECONDS,
    poll_seconds: float = 0.5,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[HeldLease]:
    """Hold a lease, as soon as nobody else does.

    :param on_wait: called before each wait; what it raises ends the wait.
    :raises HarnessError: the store cannot be asked.
    """
    contender = Contender(store, key, holder, seconds)
    while (lease := contender.attempt()) is None:
        on_wait()
        time.sleep(poll_seconds)
    try:
        yield lease
    finally:
        lease.release()


def set_holder(store: LeaseStore, key: str, holder: str) -> None:
    """Name the last one who came, whoever was there before.

    :raises HarnessError: the store cannot be asked.
    """
    while True:
        lease = store.lease(key)
        fence = 1 if lease is None else lease.fence + 1
        new = Lease(key, fence, holder, _version())
        if store.swap_lease(new, None if lease is None else lease.version):
            return


def _version() -> str:
    return secrets.token_hex(8)
