"""The lock of the embedded store: one process at a time, and whoever waits is seen and comes next.

Two files, locked with ``flock``, which the kernel releases however a process ends. Who wants the
store stands in line (:mod:`harness.store.edge_line`); the first one takes ``queue``, then waits for
``lock`` and leaves queue and line with it. So the holder sees by the queue that somebody waits, and
cannot be first again after it has given the store away: its place is behind theirs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.errors import StoreBusyError, StoreError
from harness.files import open_private
from harness.store.edge_line import Line, locked

_POLL_SECONDS = 0.01
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class StoreLock:
    """The lock of the store in one folder. Not for several threads at once.

    :param root: the folder; it has to exist before the lock is taken.
    :param timeout_seconds: longest wait.
    """

    def __init__(self, root: Path, timeout_seconds: float) -> None:
        self._root = root
        self._timeout_seconds = timeout_seconds
        self._lock = -1
        self._queue = -1

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock >= 0

    def acquire(self) -> None:
        """Wait for the lock, and write the holder's pid beside it, for the messages of others.

        :raises StoreBusyError: another process held it for the whole time-out.
        :raises StoreError: the folder cannot be written.
        """
        deadline = time.monotonic() + self._timeout_seconds
        line = Line(self._root, lambda attempt: self._wait(attempt, deadline))
        opened: list[int] = []
        try:
            line.enter()
            for name in ("queue", "lock"):
                descriptor = os.open(self._root / name, _FLAGS, 0o600)
                opened.append(descriptor)
                self._wait(partial(locked, descriptor), deadline)
            fcntl.flock(opened[0], fcntl.LOCK_UN)
        except BaseException as error:
            for descriptor in opened:
                os.close(descriptor)
            if isinstance(error, OSError):
                raise StoreError(
                    f"cannot lock the index in {self._root} ({error.strerror}); check its owner "
                    "and permissions"
                ) from error
            raise
        finally:
            line.leave()
        self._queue, self._lock = opened
        # Only for messages: a full disk must not stop reads.
        with contextlib.suppress(OSError), open_private(self._root / "holder") as file:
            file.write(f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        descriptors = (self._lock, self._queue)
        self._lock = self._queue = -1
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)

    def is_wanted(self) -> bool:
        """Whether somebody waits for the lock that this object holds; takes microseconds."""
        if not locked(self._queue):
            return True
        fcntl.flock(self._queue, fcntl.LOCK_UN)
        return False

    def _wait(self, attempt: Callable[[], bool], deadline: float) -> None:
        while not attempt():
            if time.monotonic() > deadline:
                raise StoreBusyError(
                    f"the index in {self._root} was held by process {self._holder()} for more than "
                    f"{self._timeout_seconds:g} s; wait for it or end it"
                )
            time.sleep(_POLL_SECONDS)

    def _holder(self) -> str:
        with contextlib.suppress(OSError):
            return (self._root / "holder").read_text().strip() or "unknown"
        return "unknown"
