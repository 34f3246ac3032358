"""What waits for what within the service."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

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
