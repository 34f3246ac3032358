"""Carries out what blocks, in threads, a bounded number at once, with engines that stay open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from harness.engines import Engines
from harness.errors import ServiceUnavailableError
from harness.service.options import ServiceOptions

P = ParamSpec("P")
T = TypeVar("T")

_PROBED_EVERY_SECONDS = 5.0


class BusyError(ServiceUnavailableError):
    """So many requests wait that another one had better come back later."""


class Work:
    """Threads and engines of the service.

    :param open_engines: opens the configured engines; called when they are first needed, and again
        until it succeeds, so that the service may start before its store does.
    """

    def __init__(self, open_engines: Callable[[], Engines], options: ServiceOptions) -> None:
        self._open_engines = open_engines
        self._options = options
        self._lock = threading.Lock()
        self._engines: Engines | None = None
        self._threads = ThreadPoolExecutor(options.at_once, thread_name_prefix="search")
        self._others = ThreadPoolExecutor(4 * options.at_once, thread_name_prefix="other")
        # Questions last for minutes, and probes decide whether the service is restarted: neither
        # takes a thread that something else waits for.
        self._questions = ThreadPoolExecutor(4 * options.at_once, thread_name_prefix="question")
        self._probes = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self.waiting = 0
        self._probed = float("-inf")
        self._probe: tuple[bool, str] = (False, "not looked yet")

    def close(self) -> None:
        """Wait for what is under way, then close the engines."""
        for pool in (self._threads, self._others, self._questions, self._probes):
            pool.shutdown(cancel_futures=True)
        if self._engines is not None:
            self._engines.__exit__()

    def engines(self) -> Engines:
        """The engines, opened if need be.

        :raises HarnessError: they cannot be opened now.
        """
        with self._lock:
            if self._engines is None:
                self._engines = self._open_engines()
            return self._engines

    async def search(self, call: Callable[[Engines], T]) -> T:
        """Carry out something short with the engines.

        :raises BusyError: too many wait already.
        :raises ServiceUnavailableError: it took longer than an answer may.
        """
        if self.waiting >= self._options.at_once + self._options.waiting:
            raise BusyError("the service is busy; try again in a second")
        self.waiting += 1
        future = self._threads.submit(lambda: call(self.engines()))
        future.add_done_callback(lambda _: self._done())
        return await self._within_time(asyncio.wrap_future(future))

    async def other(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Carry out something else that blocks, such as a call to Prefect.

        :raises ServiceUnavailableError: it took longer than an answer may.
        """
        future = self._others.submit(lambda: call(*args, **options))
        return await self._within_time(asyncio.wrap_future(future))

    def start(self, call: Callable[[], None]) -> asyncio.Future[None]:
        """Begin something long, such as a question, as soon as fewer than 4 times ``at_once`` of
        them are under way; nothing bounds it from here."""
        return asyncio.wrap_future(self._questions.submit(call))

    async def readiness(self) -> tuple[bool, str]:
        """Whether store and model answer, and what they say; looked at every few seconds."""
        if time.monotonic() - self._probed > _PROBED_EVERY_SECONDS:
            self._probed = time.monotonic()
            try:
                looked = asyncio.wrap_future(self._probes.submit(self._look))
                self._probe = (True, await self._within_time(looked))
            except Exception as error:
                self._probe = (False, str(error))
        return self._probe

    def _look(self) -> str:
        engines = self.engines()
        store = engines.store.describe()
        engines.embedder.embed_query("probe")
        return f"{store}; {engines.embedder.engine} {engines.embedder.model}"

    async def _within_time(self, future: asyncio.Future[T]) -> T:
        try:
            async with asyncio.timeout(self._options.answer_seconds):
                return await future
        except TimeoutError:
            raise ServiceUnavailableError(
                f"no answer within {self._options.answer_seconds:.0f} s; try again later"
            ) from None

    def _done(self) -> None:
        with self._lock:
            self.waiting -= 1
