"""Reads one source file safely and judges by its content whether it is worth indexing.

A file is reached from the root folder by folder without following a link, so that nothing
outside the root is read even if the tree changes in the meantime. Only regular files are opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from harness import charsets
from harness.abridging.abridge import suffix_of, without_data
from harness.abridging.marks import without_marks
from harness.files import open_regular
from harness.repository.credentials import HIDDEN, redact
from harness.repository.generated import is_generated
from harness.types import SkipReason, SourceFile

# Folders are opened only to reach what is in them.
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_VANISHED_ERRORS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
_UNREADABLE_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG})

# With less left beside its secrets, a file is a place to keep them.
_MIN_KEPT_SHARE = 0.2

_LFS_POINTER = "version https://git-lfs.github.com/spec/"

# Lines that nobody types: long, with hardly any blanks (prose has 15 %, code 20 %).
_LONG_LINE_CHARS = 400
_LONG_TOTAL_CHARS = 2_000
_LONG_SHARE = 0.9
_MIN_BLANK_SHARE = 0.08
# Bundles begin and end with a few short lines.
_MIN_SCRIPT_LINES = 20
# Data and prose may have long lines (a JSON dump, a CSV, Chinese text) and are still wanted.
_FREE_FORM_SUFFIXES = frozenset(
    {
        *(".json", ".jsonl", ".ndjson", ".json5", ".geojson", ".ipynb", ".csv", ".tsv", ".xml"),
        *(".yaml", ".yml", ".toml", ".sql", ".po", ".pot", ".srt", ".bib", ".graphql", ".proto"),
        *(".md", ".mdx", ".rst", ".txt", ".adoc", ".tex", ".org", ".ftl", ".properties"),
    }
)
_SCRIPT_SUFFIXES = frozenset({".js", ".mjs", ".cjs", ".css"})
_SOURCE_MAP_START = re.compile(r"\s*\{\s*\"version\"\s*:\s*3\s*,")
_SOURCE_MAP_LINK = re.compile(r"(?://[#@]|/\*#)\s*sourceMappingURL=(?!data:)\S+(?:\s*\*/)?\s*")


OVERRIDDEN = frozenset({SkipReason.GENERATED, SkipReason.MINIFIED})
"""What a ``!`` rule brings back although its content speaks against it."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file as it was read, its secrets hidden.

    Lines of ``text`` end in ``\\n`` only; split it with ``text.split("\\n")``, never with
    ``splitlines``, which also breaks at form feeds.

    ``content_id`` is git's blob id. ``size_bytes`` and ``mtime_ns`` are those of the file that
    was opened, taken before reading.
    """

    path: str
    text: str
    content_id: str
    size_bytes: int
    mtime_ns: int


def read_source(root: Path, file: SourceFile, max_file_bytes: int) -> SourceText | SkipReason:
    """Read a file that the walk selected, and judge its content.

    :param root: the folder that was walked.
    :param file: where a clean tracked file is still as it was listed, its ``content_id`` is kept
        (git's id of a file with converted line endings is not the hash of what is on disk);
        otherwise the id is computed from the bytes read.
    :param max_file_bytes: checked again, as the file may have grown.
    :returns: the text, or why it is not indexed.
    :raises OSError: only for problems of this process itself, such as too many open files.
    """
    found = _read(root, file.path, max_file_bytes)
    if isinstance(found, SkipReason):
        return found
    data, status = found
    text = decode(data)
    if isinstance(text, SkipReason):
        return text
    reason = classify(file.path, text)
    if reason is not None and not (file.let_in and reason in OVERRIDDEN):
        return reason
    text = without_secrets(text)
    if isinstance(text, SkipReason):
        return text
    unchanged = (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.mtime_ns)
    return SourceText(
        path=file.path,
        text=text,
        content_id=file.content_id if file.content_id and unchanged else blob_id(data),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def blob_id(data: bytes) -> str:
    """Git's id of a file with this content (SHA-1 object format)."""
    header = b"blob %d\0" % len(data)
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def decode(data: bytes) -> str | SkipReason:
    """Decode a file as :mod:`harness.charsets` says, and normalise line endings.

    Lines are what git, grep and tree-sitter count: pieces between ``\\n``. ``\\r\\n`` becomes
    ``\\n``. A lone ``\\r`` stays inside its line, except in a file without any ``\\n``, where it
    is the line end of old Macs. Form feeds and Unicode separators are ordinary characters.
    """
    found = charsets.decoded(data)
    if found is None:
        return SkipReason.BINARY if b"\0" in data else SkipReason.NOT_TEXT
    text = found[0].removeprefix(charsets.MARK)
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")


def classify(path: str, text: str) -> SkipReason | None:
    """Tell from its content why a text is not worth indexing, None when it is.

    :param path: only its suffix counts: data and prose may have long lines.
    :param text: as :func:`decode` returns it.
    """
    if not text or text.isspace():
        return SkipReason.EMPTY
    if text.startswith(_LFS_POINTER):
        return SkipReason.BINARY
    if is_generated(text):
        return SkipReason.GENERATED
    if is_minified(path, text):
        return SkipReason.MINIFIED
    return None


def without_secrets(text: str) -> str | SkipReason:
    """Hide the secrets of a text; a text that is hardly anything else is left out as a whole.

    Line ends stay, so that line numbers remain true.
    """
    clean = redact(text)
    if clean == text:
        return text
    kept = sum(map(len, clean.replace(HIDDEN, "").split()))
    if kept < _MIN_KEPT_SHARE * sum(map(len, text.split())):
        return SkipReason.SECRET
    return clean


def is_minified(path: str, text: str) -> bool:
    """Tell minified or compiled scripts, and source maps, from what people write.

    Data in a file that somebody wrote, such as a font in a style sheet, does not count: it is
    left out when the file is cut into chunks.
    """
    suffix = suffix_of(path)
    if _SOURCE_MAP_START.match(text) and '"mappings"' in text:
        return True
    if suffix in _SCRIPT_SUFFIXES and _SOURCE_MAP_LINK.fullmatch(_last_line(text)):
        return True
    if suffix in _FREE_FORM_SUFFIXES or _long(text) < _LONG_TOTAL_CHARS:
        return False
    rest = without_data(path, text)
    total = _long(rest)
    if total < _LONG_TOTAL_CHARS or total < _LONG_SHARE * len(rest):
        return not any(map(str.isalnum, without_marks(rest)))
    lines = rest.split("\n")
    written = sum(_is_written(line) for line in lines)
    if written >= (_MIN_SCRIPT_LINES if suffix in _SCRIPT_SUFFIXES else 1):
        return False  # somebody wrote it around a long line, which is shortened in its chunks
    long_lines = [line for line in lines if len(line) > _LONG_LINE_CHARS]
    blanks = sum(line.count(" ") + line.count("\t") for line in long_lines)
    return blanks < _MIN_BLANK_SHARE * total


def _is_written(line: str) -> bool:
    """Tell a line of code from a long line and from what stands in a licence."""
    return (
        len(line) <= _LONG_LINE_CHARS
        and any(map(str.isalnum, without_marks(line)))
        and not line.lstrip().startswith(("//", "/*", "*", "#", "<!--"))
    )


def _long(text: str) -> int:
    """Characters in long lines."""
    return sum(len(line) for line in text.split("\n") if len(line) > _LONG_LINE_CHARS)


def _last_line(text: str) -> str:
    stripped = text[-4_000:].rstrip()
    return stripped[stripped.rfind("\n") + 1 :].strip()


def _read(root: Path, path: str, max_file_bytes: int) -> tuple[bytes, os.stat_result] | SkipReason:
    *folders, name = path.split("/")
    if any(part in ("", ".", "..") for part in (*folders, name)) or "\0" in path:
        return SkipReason.UNREADABLE
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                    return SkipReason.SYMLINK
                inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
                os.close(folder)
                folder = inner
            return _read_in(folder, name, max_file_bytes)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in _VANISHED_ERRORS:
            return SkipReason.VANISHED
        if error.errno == errno.ELOOP:
            return SkipReason.SYMLINK
        if error.errno in _UNREADABLE_ERRORS:
            return SkipReason.UNREADABLE
        raise


def _read_in(
    folder: int, name: str, max_file_bytes: int
) -> tuple[bytes, os.stat_result] | SkipReason:
    before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(before.st_mode):
        return SkipReason.SYMLINK
    if not stat.S_ISREG(before.st_mode):
        return SkipReason.NOT_TEXT
    file = open_regular(name, dir_fd=folder)
    if file is None:  # a named pipe, say, has just taken the file's place
        return SkipReason.NOT_TEXT
    with file:
        status = os.fstat(file.fileno())
        if status.st_size > max_file_bytes:
            return SkipReason.TOO_LARGE
        data = file.read(max_file_bytes + 1)
    return SkipReason.TOO_LARGE if len(data) > max_file_bytes else (data, status)
