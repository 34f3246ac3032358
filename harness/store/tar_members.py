"""Members of tar archives that come from elsewhere: what is read before one is known is bounded.

``tarfile`` reads extended headers and maps of sparse files into memory whole, as many as an archive
has, and a compressed archive of some megabytes can have gigabytes of them.
"""

from __future__ import annotations

import tarfile
from typing import Any, Self
from weakref import WeakKeyDictionary

_MAX_HEADER_BYTES = 1 << 16
_MAX_HEADERS_BYTES = 64_000_000

_read: WeakKeyDictionary[tarfile.TarFile, int] = WeakKeyDictionary()
"""Of archives that are open, the bytes of extended headers so far."""


class BoundedMember(tarfile.TarInfo):
    """For ``tarfile.open(…, tarinfo=BoundedMember)``: sparse files, which neither Harness nor
    package indexes make, sizes below zero and large headers are errors of ``tarfile``.

    :raises tarfile.ReadError: while members are listed.
    """

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size < 0:
            raise tarfile.ReadError(f"a member of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            return self._proc_sparse()
        if self.type in _HEADERS:
            _read[tar] = _read.get(tar, 0) + self.size
            if self.size > _MAX_HEADER_BYTES or _read[tar] > _MAX_HEADERS_BYTES:
                raise tarfile.ReadError(f"a header of {self.size} bytes, {_read[tar]} in all")
        found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        if found.size < 0:
            raise tarfile.ReadError(f"a member of {found.size} bytes")
        return found

    def _proc_sparse(self, *_: Any) -> Self:
        raise tarfile.ReadError("a sparse file")

    # The three forms of maps in PAX headers.
    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_sparse


_HEADERS = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)
