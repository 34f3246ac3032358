"""Files that only their owner may read, that are on the disk on return, that appear at once.

*Private*: mode 0600, folders 0700; what Harness keeps quotes source code. *Durable*: the content,
and for a new name the folder's list of names as well, is on the disk on return, so that it
survives a power failure. *Atomic*: written beside its place and renamed into it, so that a reader
(or a writer that is killed) sees the old content or the new one, never a part.

Nothing here follows a symbolic link at the end of a path: where others may write, a link planted
under an expected name would turn a write into one somewhere else.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

_WRITING = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a named pipe would otherwise wait for a writer for ever.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Of the name, in that of the temporary file: names may have 255 bytes, a character up to 4.
_NAME_CHARS = 40


def private_folder(path: Path, *, new: bool = False) -> Path:
    """Make a folder that only its owner may enter, and missing ones above it likewise.

    :param new: it must not exist yet, and the one above it must; otherwise one that exists stays
        as it is.
    :returns: the path.
    :raises FileExistsError: it exists and had to be new, or is a file.
    :raises OSError: it cannot be made.
    """
    if not new and not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(exist_ok=not new, mode=PRIVATE_FOLDER)
    return path


def open_private(path: Path, *, append: bool = False) -> BinaryIO:
    """Open a private file for writing; an existing one that others could read becomes private.

    :param append: keep the content and write behind it; otherwise the file is emptied.
    :raises OSError: it cannot be opened, or is a symbolic link (``ELOOP``).
    """
    flags = _WRITING | (os.O_APPEND if append else os.O_TRUNC)
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        os.fchmod(descriptor, PRIVATE_FILE)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "ab" if append else "wb")


@contextmanager
def new_private(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Create a private file to write into.

    :param durable: its content is on the disk when the block ends without an error. The folder
        is left to the caller, who often makes several files and then one :func:`sync`.
    :raises FileExistsError: there is something of this name, a broken link included.
    """
    with os.fdopen(os.open(path, _WRITING | os.O_EXCL, PRIVATE_FILE), "wb") as file:
        yield file
        if durable:
            _flush_to_disk(file)


def write_atomically(
    path: Path,
    content: bytes | str,
    *,
    permissions: int | None = PRIVATE_FILE,
    durable: bool = False,
) -> None:
    """Replace a file, or make a new one, in one step.

    A writer that is killed leaves at most a hidden file ``.<name>.<random>.new`` behind. Any
    number of processes may write the same path: the last rename decides.

    :param content: text is written as UTF-8, where surrogates that stand for undecodable bytes
        (``surrogateescape``) become those bytes again.
    :param permissions: exact mode bits; None: those of any new file, less the process's umask.
    :raises OSError: the disk is full or the folder cannot be written; the path is as it was.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:_NAME_CHARS]}.{os.urandom(6).hex()}.new")
    mode = 0o666 if permissions is None else PRIVATE_FILE
    descriptor = os.open(temporary, _WRITING | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if permissions is not None:
                # Last: writing takes away the set-user-ID bit.
                os.fchmod(descriptor, permissions)
            if durable:
                _flush_to_disk(file)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def append_lines(path: Path, lines: Iterable[str]) -> int:
    """Add lines to a private file; durable on return.

    An empty line comes first: a writer that was killed, or met a full disk, may have left half a
    line, which must not swallow the next one. Readers skip empty lines and lines they cannot
    parse.

    :returns: the file's size in bytes.
    :raises OSError: the disk is full or the folder cannot be written.
    """
    with open_private(path, append=True) as file:
        is_new = os.fstat(file.fileno()).st_size == 0
        file.write(("\n" + "\n".join(lines) + "\n").encode())
        _flush_to_disk(file)
        size = file.tell()
    if is_new:
        sync(path.parent)
    return size


def open_regular(path: str | bytes | Path, *, dir_fd: int | None = None) -> BinaryIO | None:
    """Open a file for reading that may be anything: never waits, never follows a link.

    :param dir_fd: folder that a relative path starts from.
    :returns: None when it is a folder, a pipe or a device.
    :raises OSError: missing, unreadable, a symbolic link (``ELOOP``) or a socket (``ENXIO``).
    """
    descriptor = os.open(path, _READING, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def first_bytes(path: str | bytes | Path, limit: int) -> bytes:
    """The beginning of a file, as :func:`open_regular` opens it; empty where it opens none.

    :param limit: most bytes that are read.
    """
    try:
        file = open_regular(path)
    except OSError:
        return b""
    if file is None:
        return b""
    with file:
        return file.read(limit)


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's list of names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
