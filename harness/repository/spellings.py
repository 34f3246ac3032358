"""One name in two spellings. A letter with an accent is one character (composed) or two
(decomposed); git's tree usually has the first, some file systems of macOS give the second, and
either opens the same file. Names are texts of bytes, as in :mod:`harness.repository.git_rules`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from unicodedata import normalize

from harness.repository.git_rules import as_bytes, as_text


class Spellings:
    """How names that a folder gives are spelt in git's tree.

    :param known: paths that git tracks, and their folders.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known: dict[str, list[str]] = {}
        for path in known:
            if not path.isascii():
                self._known.setdefault(_composed(path), []).append(path)

    def of(self, path: str, top: bytes, entry: os.DirEntry[bytes]) -> str:
        """The tree's spelling of a path that it has not, else the composed one; the path itself
        where these do not lead to the same file, because the file system tells them apart.

        :param path: below ``top``.
        :param entry: what the folder gave for it.
        """
        if path.isascii():
            return path
        composed = _composed(path)
        for other in [*self._known.get(composed, []), composed]:
            if other != path and _leads_to(top + b"/" + as_bytes(other), entry):
                return other
        return path


def _composed(path: str) -> str:
    try:
        composed = normalize("NFC", as_bytes(path).decode())
    except UnicodeDecodeError:  # no such file system has it
        return path
    return as_text(composed.encode())


def _leads_to(path: bytes, entry: os.DirEntry[bytes]) -> bool:
    try:
        return os.path.samestat(os.lstat(path), entry.stat(follow_symlinks=False))
    except (OSError, ValueError):
        return False
