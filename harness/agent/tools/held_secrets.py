"""Secrets that files of a copy hold, by value: a command may print a part of a file, by which
nobody can tell a line of a key from any other, or a file whose name alone says what is in it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from harness.repository.secret_finding import secret_spans
from harness.repository.skip_names import is_secret

# What is shorter occurs by chance, and would tear holes into the output.
_MIN_CHARS = 12
_MAX_VALUES = 20_000
_MAX_FILE_BYTES = 2_000_000
# Read once for each task; files whose names say that they hold secrets always are.
_MAX_READ_BYTES = 64_000_000
_MADE_BY_MACHINES = re.compile(rb"[A-Za-z0-9+_~-]{12,}")


def held_secrets(root: Path) -> tuple[str, ...]:
    """The lines of what :func:`secret_spans` finds in files below ``root``, and what looks made by
    a machine (three digits and three letters at least) in files that :func:`is_secret` names.

    :returns: at least 12 characters each; of at most 64 MB of files, links not followed.
    """
    found: set[bytes] = set()
    left = _MAX_READ_BYTES
    for path, name in _files(root):
        named = is_secret(name)
        data = _read(path) if named or left > 0 else b""
        left -= len(data)
        for start, end in secret_spans(data):
            found.update(line.strip(b" \t\r\"',;\\") for line in data[start:end].split(b"\n"))
        if named:
            found.update(filter(_is_random, _MADE_BY_MACHINES.findall(data)))
        if len(found) > _MAX_VALUES:
            break
    kept = (value for value in found if len(value) >= _MIN_CHARS and value[:5] != b"-----")
    return tuple(value.decode("utf-8", "replace") for value in kept)


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(folder, name)
            yield path, path.relative_to(root).as_posix()


def _read(path: Path) -> bytes:
    """A plain file of text, empty for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE_BYTES:
            return b""
        data = file.read(_MAX_FILE_BYTES)
    return b"" if b"\0" in data[:8_000] else data


def _is_random(value: bytes) -> bool:
    digits = sum(48 <= byte <= 57 for byte in value)
    letters = sum(chr(byte).isalpha() for byte in value)
    return digits >= 3 and letters >= 3
