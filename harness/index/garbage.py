"""Work without Python's collector of cycles.

Planning makes several objects for each file of a repository, and all of them stay: with 100,000
files the collector, which looks through what stays again and again, took a tenth of a run. The
processes that read files make objects by the hundred thousand, hardly any of them in a cycle.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave cycles alone within the block. Of several threads the first one decides how long; what
    has no cycles is freed as always."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def collected_every(steps: int) -> Iterator[Callable[[], None]]:
    """Within the block, cycles are removed only at every so many calls of what it gives."""
    calls = itertools.count(1)

    def step() -> None:
        if next(calls) % steps == 0:
            gc.collect()

    with uncollected():
        yield step
