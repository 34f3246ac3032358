"""Whether this process may map a shard. Under a limit of its address space the engine does not
fail: it ends the process, or waits for a thread that it could not start.
"""

from __future__ import annotations

import resource
from pathlib import Path

from harness.errors import StoreError

# Threads, buffers, and what a query allocates.
_WORKING_BYTES = 400_000_000


def require_room(folder: Path) -> None:
    """Compare what is left of the limit (``ulimit -v``) with the size of a shard's files.

    :raises StoreError: it is too little.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    import psutil  # longer than all else that a search does to open a shard

    needed = _WORKING_BYTES + sum(path.lstat().st_size for path in folder.rglob("*"))
    left = limit - psutil.Process().memory_info().vms
    if left < needed:
        raise StoreError(
            f"collection {folder.name} needs {needed / 1e6:.0f} MB of address space, and the "
            f"memory limit of this process leaves {max(0, left) / 1e6:.0f}; raise it (ulimit -v)"
        )
