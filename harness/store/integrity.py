"""The seal of a shard: what its files were when the last write ended, and whether they still are.

The engine trusts its files: a truncated id tracker is a smaller index to it, a flipped bit another
chunk, and some damage ends or hangs the process. So a file beside them, the seal, holds size, time
of change and checksum of each.

*Opening* compares sizes and times, and checksums where a time differs: reading rewrites only small
files, with the same content. That finds whatever was written, cut or removed behind our back before
the engine maps it, but not what a disk changed by itself. :func:`check` with ``thorough`` reads
everything that is not a hole (3 GB/s when it is cached), as `harness doctor` and backups do.

A seal is removed, durably, before the first change and made again after the last one. The first
opening after a change finishes it in some files, so it counts as a change, too, unless it leaves
everything as it was: then the shard is *settled*. A shard without a seal was cut off while it was
written, or is of a former version: nothing is known of it but what its points say
(:mod:`harness.index.wholeness`).
"""

from __future__ import annotations

import json
import mmap
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import StoreDamagedError, StoreError
from harness.files import sync, write_atomically

SEAL = "harness-seal.json"
_BLOCK = 1 << 16
_ZEROS = bytes(_BLOCK)
# What the engine removes by itself when it next opens the shard.
_PASSING = "tracker_journal.dat"
# Hashing more than this again at each opening costs more than writing new times into the seal.
_RENEW_BYTES = 4_000_000
_VERSION = 1


@dataclass(frozen=True, slots=True)
class SealedFile:
    """``crc32`` is over the blocks that are not zero, each with its place: a hole and written
    zeros are the same."""

    size: int
    mtime_ns: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Seal:
    """Files by their path below the shard's folder; ``settled``: opening changes none of them."""

    files: Mapping[str, SealedFile]
    settled: bool = False


def check(folder: Path, *, thorough: bool = False, only: str = "") -> Seal | None:
    """Compare a shard with its seal; a shard without one passes. Call it under the store's lock.

    :param thorough: compare every checksum, not only where a file's time has changed.
    :param only: leave out files whose path does not hold this.
    :returns: the seal.
    :raises StoreDamagedError: a file is missing or differs.
    :raises StoreError: a file cannot be read.
    """
    seal = read(folder)
    if seal is None:
        return None
    hashed = 0
    now: dict[str, SealedFile] = {}
    for name, sealed in seal.files.items():
        if only not in name:
            continue
        try:
            status = (folder / name).stat()
            if status.st_size != sealed.size:
                raise _damaged(folder, name, f"has {status.st_size} bytes, not {sealed.size}")
            if thorough or status.st_mtime_ns != sealed.mtime_ns:
                hashed += status.st_blocks * 512
                if checksum(folder / name) != sealed.crc32:
                    raise _damaged(folder, name, "does not have its checksum")
        except FileNotFoundError:
            if name.endswith(_PASSING):
                continue
            raise _damaged(folder, name, "is missing") from None
        except OSError as error:
            raise StoreError(
                f"{folder / name} cannot be read ({error.strerror}); check its disk and permissions"
            ) from error
        now[name] = SealedFile(sealed.size, status.st_mtime_ns, sealed.crc32)
    if hashed > _RENEW_BYTES and not thorough:
        write(folder, Seal(now, seal.settled))
    return seal


def remove(folder: Path) -> None:
    """Remove a shard's seal before it is changed, durable on return."""
    if (folder / SEAL).exists():
        (folder / SEAL).unlink()
        sync(folder)


def renew(folder: Path, previous: Seal | None, *, changed: bool) -> None:
    """Seal a shard that has just been closed.

    :param previous: a file that still has the size and time in it is not read again, where times
        tell.
    :param changed: something was written; otherwise it was only opened.
    """
    known = previous.files if previous else {}
    tell = bool(known) and _times_tell(folder.stat().st_dev, folder)
    sealed: dict[str, SealedFile] = {}
    for path in sorted(_files(folder)):
        status = path.stat()
        name = path.relative_to(folder).as_posix()
        before = known.get(name)
        as_before = before and (before.size, before.mtime_ns) == (
            status.st_size,
            status.st_mtime_ns,
        )
        if tell and before and as_before:
            sealed[name] = before
        else:
            sealed[name] = SealedFile(status.st_size, status.st_mtime_ns, checksum(path))
    settled = not changed and _contents(sealed) == _contents(known)
    write(folder, Seal(sealed, settled))


@cache
def _times_tell(device: int, folder: Path) -> bool:
    """Whether a file has a new time when it is read and then written to through a mapping, as the
    engine does: on tmpfs, where pages that were read can be written to at once, it keeps the old
    one (``vma_wants_writenotify`` in Linux).

    :param device: what the folder is on.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
            os.utime(file.fileno(), ns=(0, 0))
            with mmap.mmap(file.fileno(), 1) as mapped:
                mapped[0] += 1
            return os.fstat(file.fileno()).st_mtime_ns != 0
    except OSError:
        return False


def _contents(files: Mapping[str, SealedFile]) -> dict[str, int]:
    return {name: one.crc32 for name, one in files.items() if not name.endswith(_PASSING)}


def read(folder: Path) -> Seal | None:
    """A shard's seal; None when there is none, or when it is itself damaged and so proves
    nothing."""
    try:
        data = json.loads((folder / SEAL).read_bytes())
        files = {name: SealedFile(*row) for name, row in data["files"].items()}
        proven = data["version"] == _VERSION and data["crc32"] == _own_checksum(data["files"])
        settled = data["settled"] is True
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Seal(files, settled) if proven else None


def write(folder: Path, seal: Seal) -> None:
    """Write a seal; after a power failure there is this one or none."""
    rows = {name: [one.size, one.mtime_ns, one.crc32] for name, one in seal.files.items()}
    data = {
        "version": _VERSION,
        "settled": seal.settled,
        "crc32": _own_checksum(rows),
        "files": rows,
    }
    write_atomically(folder / SEAL, json.dumps(data))


def checksum(path: Path) -> int:
    """CRC-32 of what a file holds beside zeros; holes are not read.

    :raises OSError: it cannot be read.
    """
    crc = 0
    with path.open("rb", buffering=0) as file:
        for start, end in _extents(file.fileno(), path.stat().st_size):
            place = start - start % _BLOCK
            while place < end:
                block = os.pread(file.fileno(), _BLOCK, place)
                if not block:
                    break
                if block != _ZEROS[: len(block)]:
                    crc = zlib.crc32(block, zlib.crc32(place.to_bytes(8, "little"), crc))
                place += _BLOCK
    return crc


def _extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file holds data, in whole blocks and none twice; all of it where the file system
    knows no holes."""
    place = 0
    while place < size:
        try:
            start = os.lseek(descriptor, place, os.SEEK_DATA)
        except OSError:  # ENXIO: a hole up to the end
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        end += -end % _BLOCK
        yield max(start - start % _BLOCK, place), end
        place = end


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.name != SEAL and path.is_file():
            yield path


def _own_checksum(rows: object) -> int:
    return zlib.crc32(json.dumps(rows, sort_keys=True).encode())


def _damaged(folder: Path, name: str, what: str) -> StoreDamagedError:
    return StoreDamagedError(
        f"collection {folder.name} is damaged ({name} {what}); run `harness repair`"
    )
