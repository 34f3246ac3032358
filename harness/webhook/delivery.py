"""Hands accepted pushes to Prefect: at once if it answers, otherwise as soon as it does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from harness.errors import HarnessError, TransientError, UsageError
from harness.retrying import Backoff
from harness.webhook.journal import Delivery, Journal
from harness.webhook.metrics import Metrics
from harness.webhook.runs import StartedRun

logger = logging.getLogger(__name__)

# A Prefect server on SQLite creates a few dozen runs a second; more calls would only queue in it.
_AT_ONCE = 4
_QUICK_DELAYS_SECONDS = (0.2, 0.8)
_BACKOFF = Backoff(base_seconds=1.5, cap_seconds=75.0)

Start = Callable[[Delivery], StartedRun]


class Dispatcher:
    """Hands over one push per repository at a time; pushes that arrive meanwhile become one.

    An async context manager: on entering, it first hands over what an earlier process left on disk.

    :param start: called in a thread; raises :class:`HarnessError` when no run could be started.
    """

    def __init__(self, journal: Journal, start: Start, metrics: Metrics) -> None:
        self._journal = journal
        self._start = start
        self._metrics = metrics
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._busy: set[str] = set()
        self._failures: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._waiting: dict[str, list[tuple[int, asyncio.Future[StartedRun]]]] = {}
        self._done: dict[str, tuple[int, StartedRun]] = {}
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Dispatcher:
        self._workers = [asyncio.create_task(self._work()) for _ in range(_AT_ONCE)]
        for name in self._journal.pending:
            self._enqueue(name)
        return self

    async def __aexit__(self, *error: object) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def hand_over(self, delivery: Delivery, timeout_seconds: float) -> StartedRun:
        """Hand over a push from the journal and wait for its run.

        :param timeout_seconds: how long to wait; the push is handed over even after a timeout.
        :raises TimeoutError: Prefect is slow.
        :raises UsageError: Prefect rejects the run's parameters; the push is dropped.
        :raises HarnessError: Prefect does not answer, or fails; the push is retried later.
        """
        done = self._done.get(delivery.name)
        if done is not None and done[0] >= delivery.seq:
            return done[1]  # handed over with a later push while this one was written to disk
        future: asyncio.Future[StartedRun] = asyncio.get_running_loop().create_future()
        entry = (delivery.seq, future)
        self._waiting.setdefault(delivery.name, []).append(entry)
        self._enqueue(delivery.name)
        try:
            return await asyncio.wait_for(future, timeout_seconds)
        finally:
            waiting = self._waiting.get(delivery.name, [])
            with contextlib.suppress(ValueError):
                waiting.remove(entry)
            if not waiting:
                self._waiting.pop(delivery.name, None)

    def _enqueue(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        # A repository that is being handled is looked at again once that is done.
        if name not in self._queued and name not in self._busy:
            self._queued.add(name)
            self._due.put_nowait(name)

    async def _work(self) -> None:
        while True:
            name = await self._due.get()
            self._queued.discard(name)
            self._busy.add(name)
            again = False
            try:
                again = await self._deliver(name)
            except Exception:  # a bug must not end the worker, or nothing more would be delivered
                logger.exception("%s: the push could not be handed over", name)
                self._later(name)
            finally:
                self._busy.discard(name)
            if again:
                self._enqueue(name)

    async def _deliver(self, name: str) -> bool:
        """Hand over a repository's newest push; tell whether another one arrived meanwhile."""
        delivery = self._journal.pending.get(name)
        if delivery is None:
            return False
        try:
            run = await self._started(delivery)
        except UsageError as error:
            # The same parameters would be rejected every time.
            logger.error("%s: Prefect rejects the run: %s", name, error)
            self._metrics.prefect_errors += 1
            self._journal.handed_over(delivery)
            self._answer(delivery, error)
        except HarnessError as error:
            self._metrics.prefect_errors += 1
            self._metrics.prefect_up = False
            self._answer(delivery, error)
            self._later(name, error)
        else:
            self._metrics.prefect_up = True
            self._metrics.runs_started += run.created
            self._failures.pop(name, None)
            self._journal.handed_over(delivery)
            logger.info("%s: %s is indexed by the run %s", name, delivery.commit, run.id)
            self._done[name] = (delivery.seq, run)
            self._answer(delivery, run)
        latest = self._journal.pending.get(name)
        return latest is not None and latest.seq > delivery.seq

    async def _started(self, delivery: Delivery) -> StartedRun:
        """Start the run; retry briefly, since a busy Prefect answers 503 now and then."""
        for delay in _QUICK_DELAYS_SECONDS:
            try:
                return await asyncio.to_thread(self._start, delivery)
            except TransientError:
                if self._metrics.prefect_up is False:
                    raise
                await asyncio.sleep(delay)
        return await asyncio.to_thread(self._start, delivery)

    def _answer(self, delivery: Delivery, outcome: StartedRun | HarnessError) -> None:
        for seq, future in self._waiting.get(delivery.name, []):
            if seq > delivery.seq or future.done():
                continue
            if isinstance(outcome, HarnessError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _later(self, name: str, error: HarnessError | None = None) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        if failures == 1 and error is not None:
            logger.warning("%s: the push is kept, and will be handed over later: %s", name, error)
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(_BACKOFF.seconds(failures), self._enqueue, name)
