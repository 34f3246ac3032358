"""What the embedded engine raises, as errors of the tree.

The binding raises plain ``Exception`` with the engine's words, and pyo3's ``PanicException``, a
``BaseException`` that no ``except Exception`` sees, when the engine gives up on what it reads.
"""

from __future__ import annotations

import errno
import re

from harness.errors import HarnessError, StoreDamagedError, StoreError, StoreFullError

_NUMBER = re.compile(r"os error (\d+)")
_REMEDIES = {
    errno.ENOMEM: "there is not enough memory for the index: end other programs, or raise the "
    "limit of this one (ulimit -v, the container's memory)",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.EACCES: "check the owner and permissions of the data directory",
    errno.EPERM: "check the owner and permissions of the data directory",
    errno.EROFS: "the disk is read-only: set HARNESS_DATA_DIR to another folder",
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_engines(error: BaseException) -> bool:
    """Whether an error is the engine's: neither ours nor Python's own way to end."""
    if isinstance(error, HarnessError):
        return False
    return isinstance(error, Exception) or is_panic(error)


def is_panic(error: BaseException) -> bool:
    """Whether the engine gave up."""
    return type(error).__name__ == "PanicException"


def translate(error: BaseException, collection: str, *, opening: bool) -> StoreError:
    """The error of the tree for one of the engine's.

    :param opening: the shard could not even be opened, which is damage unless the system's limits
        are the reason.
    """
    said = first_line(error)
    found = _NUMBER.search(str(error))
    number = int(found[1]) if found else errno.ENOMEM if isinstance(error, MemoryError) else 0
    if number in _FULL:
        return StoreFullError(f"the index cannot be written ({said}); free some space on its disk")
    if number in _REMEDIES:
        return StoreError(f"collection {collection} cannot be used ({said}); {_REMEDIES[number]}")
    if "memory allocation" in said or "out of memory" in said.lower():
        return StoreError(
            f"collection {collection} cannot be used ({said}); {_REMEDIES[errno.ENOMEM]}"
        )
    if opening or is_panic(error):
        return StoreDamagedError(
            f"collection {collection} is damaged ({said}); run `harness repair`"
        )
    return StoreError(
        f"the index refused an operation ({said}); check the disk's space, and the index with "
        "`harness doctor`"
    )


def first_line(error: BaseException) -> str:
    """What the engine says of an error, without the backtrace that it may add."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
