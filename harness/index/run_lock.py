"""One index run per repository at a time, among the processes that share a data directory.

Of two at once, one would read a clone while the other updates it, and the one that ends last might
record the older commit. A waiting run is superseded by a later one that asks for the same thing:
however many pushes arrive, one run is under way, one waits, and the latest commit is read.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.files import private_folder, write_atomically
from harness.repository.sources import source_of

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0


def _log_wait() -> None:
    logger.info("another run is working on this repository: waiting for it to end")


@contextmanager
def hold_repository(
    data_dir: Path,
    source: str,
    request: str | None = None,
    own_id: str = "",
    *,
    on_wait: Callable[[], None] = _log_wait,
) -> Iterator[bool]:
    """Wait until no other run is working on a repository, and hold it.

    :param source: folder or URL; a trailing ``.git`` makes no difference.
    :param request: what is asked for; equal requests have equal texts. None: this run never gives
        way to a later one.
    :param own_id: tells this run from others.
    :param on_wait: called once, when another run holds the repository.
    :returns: False, without holding anything, when a later equal request is waiting as well.
    """
    folder = private_folder(data_dir.resolve() / "run-locks")
    key = _digest(source_of(source))
    lock = FileLock(folder / f"{key}.lock", mode=0o600)
    last = folder / f"{key}-{_digest(request or '')}.last"
    if not _acquired(lock, 0):
        on_wait()
        if request is not None:
            write_atomically(last, own_id)
        while not _acquired(lock, _POLL_SECONDS):
            if request is not None and last.read_text(encoding="utf-8") != own_id:
                yield False
                return
    try:
        yield True
    finally:
        lock.release()


def _acquired(lock: FileLock, timeout_seconds: float) -> bool:
    try:
        lock.acquire(timeout=timeout_seconds, poll_interval=0.2)
    except Timeout:
        return False
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
