"""What waits for what within the service."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from pathlib import Path

from harness.service.collecting import collected_by_the_minute
from harness.service.options import ServiceOptions
from harness.service.work import Work
from tests.service.lab import engines_at


def test_questions_keep_neither_probes_nor_short_calls_waiting(index: Path) -> None:
    options = ServiceOptions(at_once=1)
    go_on = threading.Event()

    def wait() -> None:
        go_on.wait(120)

    async def ask() -> tuple[tuple[bool, str], str]:
        questions = [work.start(wait) for _ in range(20)]
        try:
            return await work.readiness(), await work.other(lambda: "done")
        finally:
            go_on.set()
            await asyncio.gather(*questions)

    work = Work(lambda: engines_at(index), options)
    try:
        (ready, detail), said = asyncio.run(ask())
    finally:
        work.close()
    assert (ready, said) == (True, "done"), detail


class Ring:
    """Holds itself, so that only the collector of cycles frees it."""

    def __init__(self) -> None:
        self.itself = self


def test_cycles_that_grew_old_are_freed_by_the_minute_and_no_sooner() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with collected_by_the_minute(begun_seconds=0.0, every_seconds=0.001):
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] > 1_000_000
        while gc.get_freeze_count() == frozen:
            threading.Event().wait(0.001)
        grown = weakref.ref(Ring())
        gc.collect(1)  # or else it would be among the young
        while grown() is not None:
            threading.Event().wait(0.001)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
