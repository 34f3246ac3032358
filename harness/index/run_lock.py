"""One index run a repository at a time, among the processes that share a data directory.

Two at once would read a clone while the other one updates it, and the one that ends last would
record the older commit. A run that waits is superseded by a later one that asks for the same: so
however many pushes come, one is under way and one waits, and the last commit is read.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.files import private_folder, write_atomically
from harness.repository.checkout import is_git_url

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0


def _log_wait() -> None:
    logger.info("another run works on this repository: waiting for its end")


@contextmanager
def hold_repository(
    data_dir: Path,
    source: str,
    request: str | None = None,
    own_id: str = "",
    *,
    on_wait: Callable[[], None] = _log_wait,
) -> Iterator[bool]:
    """Wait until no other run works on a repository, and hold it.

    :param source: folder or URL; with and without ``.git`` it is the same repository.
    :param request: what is asked for, in words that are equal for equal requests. None: this run
        never gives way to a later one.
    :param own_id: tells this run from others.
    :param on_wait: called once, when another run holds it.
    :returns: False, without holding anything, when a later equal request waits as well.
    """
    folder = private_folder(data_dir.resolve() / "run-locks")
    place = source if is_git_url(source) else str(Path(source).expanduser().resolve())
    key = _digest(place.rstrip("/").removesuffix(".git"))
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
