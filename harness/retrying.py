"""How often and how fast what failed is tried again: the one rule, over tenacity.

Prefect retries whole tasks by itself (``flows/policies.py``); this is for requests and steps
within one process.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.errors import is_transient

if TYPE_CHECKING:
    from tenacity import RetryCallState

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


def log_retry(error: BaseException, seconds: float) -> None:
    """Say in the log that something is tried again; an ``on_retry`` for :meth:`Backoff.call`."""
    logger.warning("%s; trying again in %.1f s", error, seconds)


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

    def call(
        self,
        step: Callable[[], ResultT],
        *,
        is_worth_it: Callable[[BaseException], bool] = is_transient,
        on_retry: Callable[[BaseException, float], None] | None = None,
        seconds_left: Callable[[], float] | None = None,
    ) -> ResultT:
        """Run a step, which must be idempotent, until it succeeds or another try is futile.

        :param is_worth_it: tells an error that may go away; anything else is raised at once.
        :param on_retry: told the error and the wait, in seconds, before each wait.
        :param seconds_left: time until a deadline; a wait that would outlast it is not begun.
        :raises BaseException: the error of the last try, as it came.
        """
        from tenacity import Retrying, retry_if_exception  # 5 ms

        def is_enough(state: RetryCallState) -> bool:
            too_late = seconds_left is not None and state.upcoming_sleep > seconds_left()
            return self.exhausted(state.attempt_number) or too_late

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            if on_retry is not None and error is not None:
                on_retry(error, state.upcoming_sleep)

        retrying = Retrying(
            stop=is_enough,
            wait=lambda state: self.seconds(state.attempt_number),
            retry=retry_if_exception(is_worth_it),
            before_sleep=tell,
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(step)

    # For loops that carry something from one try to the next, such as a smaller request.

    def exhausted(self, failures: int) -> bool:
        """Tell whether that many failures in a row are enough."""
        return failures >= self.attempts

    def seconds(self, failures: int) -> float:
        """Draw the wait before the next attempt.

        :param failures: failed attempts in a row so far, from 1.
        """
        # Bounded: after an outage of hours the power would not fit a float.
        growth = 2.0 ** min(failures - 1, 60)
        longest = min(self.cap_seconds, self.base_seconds * growth)
        return longest * (0.5 + self.random() / 2)

    def wait(self, failures: int) -> None:
        """Sleep before the next attempt; see :meth:`seconds`."""
        self.sleep(self.seconds(failures))
