"""The time of a run, shared by all that must end with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class RunClock:
    """Counts down the time that a run may take.

    :param limit_seconds: from :meth:`restart`, or else from the construction.
    """

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds = limit_seconds
        self._deadline = time.monotonic() + limit_seconds

    def restart(self) -> None:
        """Give the next run the whole time."""
        self._deadline = time.monotonic() + self.limit_seconds

    def remaining_seconds(self) -> float:
        """Return what is left; not positive when the time is over."""
        return self._deadline - time.monotonic()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time spent in this context, such as waiting for a person."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._deadline += time.monotonic() - began
