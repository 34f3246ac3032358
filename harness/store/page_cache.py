"""Keeps what the system has cached of a shard's files while the engine closes it.

The engine tells the system on closing that it needs none of its files any more, and hundreds of
megabytes are dropped from memory: the next opening, often a moment later by whoever waited, reads
them from the disk again, 40 µs for each page that a search touches. The system keeps pages that
are mapped, so they are mapped here meanwhile; only those that it has, so that nothing is read.
"""

from __future__ import annotations

import mmap
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_POPULATE_READ = 22
"""MADV_POPULATE_READ, which Python does not name; older systems than Linux 5.14 refuse it."""

_LEAST_BYTES = 1 << 17
"""Smaller files are read again in no time."""

# The lowest bit of a page's byte says that it is in memory.
_CACHED = re.compile(b"\x01+")
_LOWEST_BIT = bytes(byte & 1 for byte in range(256))


@contextmanager
def kept_in_memory(folder: Path) -> Iterator[None]:
    """Keep the files below a folder as they are cached until the block has ended. Where that cannot
    be done they are dropped, as without this.

    :param folder: of a shard.
    """
    # At the interpreter's own end nothing can be imported any more.
    if sys.platform != "linux" or sys.is_finalizing():
        yield
        return
    libc = _libc()
    mapped: list[tuple[int, int]] = []
    try:
        for path in folder.rglob("*"):
            with suppress(OSError):
                _map(libc, path, mapped)
        yield
    finally:
        for address, size in mapped:
            libc.munmap(address, size)


def _map(libc: Any, path: Path, mapped: list[tuple[int, int]]) -> None:
    """Map those pages of a file that are in memory; the mapping is added to the list."""
    import ctypes

    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if size < _LEAST_BYTES:
            return
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    finally:
        os.close(descriptor)
    if address in (None, ctypes.c_void_p(-1).value):
        return
    mapped.append((address, size))
    pages = ctypes.create_string_buffer(-(-size // mmap.PAGESIZE))
    if libc.mincore(address, size, pages):
        return
    for run in _CACHED.finditer(pages.raw.translate(_LOWEST_BIT)):
        begin, end = (at * mmap.PAGESIZE for at in run.span())
        if libc.madvise(address + begin, end - begin, _POPULATE_READ):
            return


def _libc() -> Any:
    import ctypes

    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
    return libc
