"""Reads the files of a fetched release out of its archive; nothing is unpacked to disk."""

from __future__ import annotations

import io
import logging
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from harness.store.tar_members import BoundedMember
from training.registries import source_parts

logger = logging.getLogger(__name__)

_MAX_BYTES = 400_000
"""Larger files are generated ones, or data."""

_MOST_FILES = 600
_ALWAYS = re.compile(
    r"licen[cs]e|copying|notice|metadata$|copyright$|package\.json$|cargo\.toml$|[-_./](de|zh|en)\b",
    re.IGNORECASE,
)
"""Files that decide whether a release may be used, and message catalogs."""


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of the files that are not too large; paths as in the archive. Of an archive
    with very many files only some are read, the same each time.

    :param archive: zip (wheel, jar, Go module), tar (npm, crate), or a Debian ``.dsc``, which
        stands for the archives beside it.
    """
    if archive.suffix == ".dsc":
        for part in source_parts(archive):
            yield from _tar(part)
    elif zipfile.is_zipfile(archive):
        yield from _zip(archive)
    else:
        yield from _tar(archive)


def _zip(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        entries = [
            info for info in opened.infolist() if not info.is_dir() and info.file_size <= _MAX_BYTES
        ]
        one_in = 1 + len(entries) // _MOST_FILES
        for info in entries:
            if _is_chosen(info.filename, one_in):
                yield info.filename, opened.read(info)


def _is_chosen(name: str, one_in: int) -> bool:
    return crc32(name.encode("utf-8", "replace")) % one_in == 0 or bool(_ALWAYS.search(name))


def _tar(archive: Path) -> Iterator[tuple[str, bytes]]:
    # How many files there are is known only at the end; packed source has some 3 kB a file.
    one_in = 1 + archive.stat().st_size // (4 * 3_000 * _MOST_FILES)
    try:
        with tarfile.open(archive, tarinfo=BoundedMember) as opened:
            for info in opened:
                if info.isfile() and info.size <= _MAX_BYTES and _is_chosen(info.name, one_in):
                    stream = opened.extractfile(info)
                    yield info.name, (stream or io.BytesIO()).read()
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError, zlib.error) as error:
        logger.warning("%s is not whole: %s", archive.name, error)
