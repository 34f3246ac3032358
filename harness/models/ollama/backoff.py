"""How often and how fast a failed request is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter and a bound, so that no outage becomes a request storm.

    ``attempts`` counts the first one; 1 means no second try. The wait before attempt ``n + 1``
    is drawn from the upper half of ``min(cap, base * 2**(n-1))`` seconds: clients that failed
    together do not come back together. ``sleep`` and ``random`` are replaced by tests.
    """

    attempts: int = 4
    base_seconds: float = 0.5
    cap_seconds: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def exhausted(self, failures: int) -> bool:
        """Tell whether that many failures in a row are enough."""
        return failures >= self.attempts

    def wait(self, failures: int) -> None:
        """Sleep before the next attempt.

        :param failures: failed attempts in a row so far, from 1.
        """
        longest: float = min(self.cap_seconds, self.base_seconds * 2.0 ** (failures - 1))
        self.sleep(longest * (0.5 + self.random() / 2))
