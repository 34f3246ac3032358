"""Folders of the embedded engine as compressed tar files.

The engine allocates its files in advance, so they are mostly empty and blocks of zeros are not
written: 20,000 points have 232 MB, of which 99 MB are on the disk, and 58 MB compressed (level 1,
3 s).
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO

from harness.errors import StoreError, StoreFullError
from harness.files import new_private, private_folder
from harness.store.tar_members import BoundedMember

_BLOCK = bytes(1 << 16)
# Beyond what any index has: a shard of 100,000 points has 80 files, 300 MB and, mostly as holes, a
# few hundred more. A small archive can hold terabytes of zeros and a million names.
_MAX_MEMBERS = 20_000
_MAX_DEPTH = 16
_FIXED_BYTES = 2_000_000_000
_BYTES_PER_POINT = 200_000
_MAX_BYTES = 1 << 40
RESERVE_BYTES = 256_000_000
"""What unpacking leaves free on a disk."""
# RecursionError: a chain of headers that each announce another.
_UNREADABLE = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, RecursionError)


def extract(archive: Path, folder: Path, points: int = 0) -> None:
    """Unpack a compressed tar file of plain files and folders into an empty folder.

    :param points: how many points are said to be in it, which limits the size.
    :raises StoreError: it holds anything else, a name outside the folder, more than such an index
        has or the disk takes, or is damaged.
    """
    left = min(_FIXED_BYTES + max(0, points) * _BYTES_PER_POINT, _MAX_BYTES)
    members = 0
    try:
        with tarfile.open(archive, "r:gz", tarinfo=BoundedMember) as tar:
            for member in tar:
                parts = Path(member.name).parts
                members += 1
                left -= max(0, member.size)
                if members > _MAX_MEMBERS or left < 0 or len(parts) > _MAX_DEPTH:
                    raise StoreError(
                        f"{archive.name} holds more than an index of {points} points can; refused"
                    )
                plain = member.isreg() or member.isdir()
                if not plain or ".." in parts or Path(member.name).is_absolute():
                    raise StoreError(
                        f"{archive.name} holds {member.name!r}, which no backup does; refused"
                    )
                target = folder / member.name
                if member.isdir():
                    private_folder(target)
                    continue
                if shutil.disk_usage(folder).free < RESERVE_BYTES:
                    raise StoreFullError(
                        f"{archive.name} needs more than the space that is left for {folder}; "
                        "free some"
                    )
                source = tar.extractfile(member)
                if source is not None:
                    with source:
                        _copy_sparse(source, target, member.size)
    except _UNREADABLE as error:
        raise StoreError(f"cannot unpack {archive}: {error}; check the disk's space") from error


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder into a new, private one, without its blocks of zeros."""
    private_folder(target, new=True)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            private_folder(copy, new=True)
        else:
            with path.open("rb") as file:
                _copy_sparse(file, copy, path.stat().st_size)


def _copy_sparse(source: IO[bytes], target: Path, size: int) -> None:
    """Write ``size`` bytes into a new file, leaving out blocks of zeros."""
    with new_private(target, durable=False) as file:
        left = size
        while left > 0 and (block := source.read(min(left, len(_BLOCK)))):
            left -= len(block)
            if block == _BLOCK:
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)
        file.truncate(size)
    if left:
        raise EOFError(f"{target.name} ends {left} bytes early")


def pack(folder: Path) -> Path:
    """Replace a folder by a compressed tar file, on disk on return.

    Higher levels than 1 gain little.
    """
    packed = folder.with_name(f"{folder.name}.tar.gz")
    with (
        new_private(packed) as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=1) as target,
        tarfile.open(fileobj=target, mode="w|") as tar,
    ):
        tar.add(folder, arcname=".")
    shutil.rmtree(folder)
    return packed
