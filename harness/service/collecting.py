"""When Python's collector of cycles looks through everything: in a process that serves.

By itself it does so every few hundred searches, in the middle of one, and takes 40 ms for what
modules and caches hold, nearly all of which stays. Meanwhile nobody is answered: that is one
search in a hundred. So what the service has begun with is left alone, and the rest is looked
through by the minute, young objects as often as ever.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_BEGUN_SECONDS = 5.0
_EVERY_SECONDS = 60.0
_NEVER = 1_000_000_000


@contextmanager
def collected_by_the_minute(
    begun_seconds: float = _BEGUN_SECONDS, every_seconds: float = _EVERY_SECONDS
) -> Iterator[None]:
    """Decide for the whole process, within the block.

    :param begun_seconds: when everything that stays is there.
    :param every_seconds: how long cycles that grew old stay in memory at most.
    """
    young, middle, old = gc.get_threshold()
    ended = threading.Event()

    def collect() -> None:
        if ended.wait(begun_seconds):
            return
        gc.collect()
        gc.freeze()
        while not ended.wait(every_seconds):
            gc.collect()

    collector = threading.Thread(target=collect, name="collector", daemon=True)
    gc.set_threshold(young, middle, _NEVER)
    collector.start()
    try:
        yield
    finally:
        ended.set()
        collector.join()
        gc.unfreeze()
        gc.set_threshold(young, middle, old)
