"""Makes shards of Qdrant Edge, and the room on the disk that they need."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import StoreError, StoreFullError
from harness.files import private_folder, sync
from harness.store import integrity
from harness.store.edge_config import create_indexes, shard_config
from harness.store.engine_faults import first_line, is_engines

# A new shard is 200 MB of mapped, empty files. Where a write would fail on a full disk, touching a
# page of a mapped file kills the process (SIGBUS), so there must be room for all of them before
# anything is written.
_RESERVE_BYTES = 256_000_000

logger = logging.getLogger(__name__)


def require_space(root: Path) -> None:
    """Refuse what writes to a shard when the disk is nearly full.

    :param root: the folder of the shards.
    :raises StoreFullError: it is.
    """
    free = shutil.disk_usage(root).free
    if free < _RESERVE_BYTES:
        raise StoreFullError(
            f"only {free / 1e6:.0f} MB free in {root}, the index keeps "
            f"{_RESERVE_BYTES / 1e6:.0f} in reserve; free some space, or set HARNESS_DATA_DIR "
            "to a folder on another disk"
        )


def held_bytes(folder: Path) -> int:
    """How much of the disk a shard has."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def has_room_beside(folder: Path, held: int) -> bool:
    """Tell whether the disk has room for a second copy of a shard; when not, the log says so.

    :param held: as :func:`held_bytes` gives it.
    """
    free = shutil.disk_usage(folder.parent).free
    if free < held + _RESERVE_BYTES:
        logger.warning("%s is not compacted: only %d MB free", folder.name, free // 1_000_000)
        return False
    return True


def make_shard(
    folder: Path,
    dimension: int,
    fill: Callable[[Any], None] | None = None,
    aside: Path | None = None,
) -> None:
    """Make a shard with its payload indexes, while nobody else has the store. It has its name when
    it is complete and on the disk.

    :param folder: of the shard.
    :param dimension: length of the dense vectors.
    :param fill: puts the first points into it; None: it is empty.
    :param aside: where a folder that has the name is moved to; None: it is removed.
    :raises StoreError: the folder cannot be written.
    :raises StoreFullError: the disk is nearly full.
    """
    from qdrant_edge import EdgeShard

    root = folder.parent
    require_space(root)
    building = folder.with_name(f".{folder.name}.building")
    if not folder.exists() and _is_complete(building):
        # Killed between the two renamings below.
        building.rename(folder)
        sync(root)
        return
    shutil.rmtree(building, ignore_errors=True)
    try:
        private_folder(building, new=True)
        shard = EdgeShard.create(str(building), shard_config(dimension))
        create_indexes(shard)
        if fill is not None:
            fill(shard)
        shard.close()
        integrity.renew(building, None, changed=True)
        if aside is not None:
            folder.rename(aside)
        else:  # a folder that is already there was left by a creation that was killed
            shutil.rmtree(folder, ignore_errors=True)
        building.rename(folder)
        sync(root)
    except BaseException as error:
        shutil.rmtree(building, ignore_errors=True)
        if not is_engines(error):
            raise
        raise StoreError(
            f"cannot create a collection in {root} ({first_line(error)}); check the "
            "disk's space and permissions"
        ) from error


def _is_complete(folder: Path) -> bool:
    """Whether a shard was sealed and is as it was then."""
    try:
        return integrity.check(folder, thorough=True) is not None
    except StoreError:
        return False
