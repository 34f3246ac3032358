"""Reading what searches will need before they do.

The engine lets the system forget a shard's files when it closes it, and reads passages from the
disk one page each when it has it open again: a search among 100,000 passages waits for 170 of them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

_PASSAGES = "payload_storage"
# Of the machine's memory, at most this part is asked for.
_SHARE = 8
# Linux reads no more than about a megabyte each time that it is asked.
_PIECE_BYTES = 1 << 17


def read_passages_ahead(folder: Path) -> None:
    """Ask the system to read the passages of a shard into its cache, which it does while nobody
    waits and as far as it has room; nothing where it cannot be asked (macOS).

    :param folder: the shard's.
    """
    if hasattr(os, "posix_fadvise"):
        threading.Thread(target=_ask_for, args=(folder,), name="read-ahead", daemon=True).start()


def _ask_for(folder: Path) -> None:
    left = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _SHARE
    for file in sorted(_files(folder)):
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # replaced meanwhile
            continue
        try:
            held = os.fstat(descriptor).st_blocks * 512  # filled from its beginning
            left -= held
            if left < 0:
                return
            for start in range(0, held, _PIECE_BYTES):
                os.posix_fadvise(descriptor, start, _PIECE_BYTES, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


def _files(folder: Path) -> Iterator[Path]:
    """What holds passages; a segment that is removed meanwhile is passed over."""
    for parent, _, names in os.walk(folder):
        if parent.endswith(f"/{_PASSAGES}"):
            yield from (Path(parent, name) for name in names)
