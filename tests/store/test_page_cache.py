"""What the system has cached of a shard stays, whatever the engine says on closing."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path

import pytest

from harness.store.page_cache import kept_in_memory

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the engine drops nothing elsewhere"
)

SIZE = 1 << 20


def written(folder: Path) -> Path:
    file = folder / "segments" / "page_0.dat"
    file.parent.mkdir(exist_ok=True)
    with file.open("wb") as out:
        out.write(os.urandom(SIZE))
        out.flush()
        os.fsync(out.fileno())
    return file


def drop(file: Path) -> None:
    """As the engine does."""
    descriptor = os.open(file, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def is_cached(file: Path) -> bool:
    """Whether the file's middle is in memory; asking by reading would bring it there."""
    at = SIZE // 2
    libc = ctypes.CDLL(None)
    libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)
    with file.open("rb") as opened:
        page = mmap.mmap(opened.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_COPY, offset=at)
    answer = ctypes.create_string_buffer(1)
    held = ctypes.c_char.from_buffer(page)
    assert libc.mincore(ctypes.addressof(held), mmap.PAGESIZE, answer) == 0
    del held
    page.close()
    return bool(answer.raw[0] & 1)


def test_what_is_cached_is_kept_and_nothing_else_is_read(tmp_path: Path) -> None:
    file = written(tmp_path)
    drop(file)
    if is_cached(file):
        pytest.skip("this file system keeps everything in memory")
    with kept_in_memory(tmp_path):
        assert not is_cached(file), "it was not in memory, so it is not read"
    file = written(tmp_path)
    with kept_in_memory(tmp_path):
        drop(file)
        assert is_cached(file)
    drop(file)
    assert not is_cached(file), "it is held no longer than asked"


def test_what_cannot_be_mapped_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path))
    (tmp_path / "dangling").symlink_to("nowhere")
    with kept_in_memory(tmp_path), kept_in_memory(tmp_path / "missing"):
        pass
    with pytest.raises(ValueError, match="of the block"), kept_in_memory(tmp_path):
        raise ValueError("of the block")
