"""Moving a damaged shard aside, and reading what is left of it in a process of its own.

The engine may hang on damaged files, or end the process (a mapped file that was truncated is a
SIGBUS), so a child reads them and writes each point as a line of JSON. Whatever becomes of it, the
lines that are complete are what could be read.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import StoreDamagedError
from harness.files import private_folder, sync
from harness.store import integrity
from harness.store.edge_shards import EdgeShards
from harness.store.payload import dense_of
from harness.store.salvaging import DAMAGED_FOLDER, Salvage, SalvagedPoint
from harness.types import FloatArray

# Which files vectors come from: where one differs from its checksum, so may any vector.
_VECTORS = "vector_storage-dense"
_IDS_PER_PAGE = 1000
_POINTS_PER_READ = 64
_QUIET_SECONDS = 30.0
"""A child that writes nothing for so long hangs."""

logger = logging.getLogger(__name__)


def set_aside(shards: EdgeShards, collection: str) -> Salvage:
    """Move a shard out of the index; call it while :meth:`EdgeShards.exclusive`.

    :returns: where it is now; its points are those whose vectors can be trusted.
    """
    folder = shards.folder(collection)
    if not folder.exists():
        return Salvage(None)
    aside = private_folder(shards.root / DAMAGED_FOLDER)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = aside / f"{collection}-{stamp}-{os.urandom(2).hex()}"
    try:
        integrity.check(folder, thorough=True, only=_VECTORS)
    except StoreDamagedError as error:
        logger.warning("no vector of it is used again: %s", error)
        trusted = False
    else:
        trusted = True
    folder.rename(target)
    sync(shards.root)
    return Salvage(target, read_points(target) if trusted else ())


def read_points(folder: Path, quiet_seconds: float = _QUIET_SECONDS) -> Iterator[SalvagedPoint]:
    """The points of a shard that can be read; never raises for what is in it.

    :param quiet_seconds: a reader that says nothing for so long is ended.
    """
    command = [sys.executable, "-m", "harness.store.edge_salvage", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        waiting_since: list[float | None] = [time.monotonic()]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.2):
                since = waiting_since[0]
                if since is not None and time.monotonic() - since > quiet_seconds:
                    logger.warning("reading %s hangs; the rest of it is left", folder.name)
                    child.kill()
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            assert child.stdout is not None  # noqa: S101 - a pipe was asked for
            for line in child.stdout:
                waiting_since[0] = None  # for us, now
                point = _read(line)
                if point is not None:
                    yield point
                waiting_since[0] = time.monotonic()
        finally:
            done.set()
            child.kill()
            watcher.join()


def _read(line: bytes) -> SalvagedPoint | None:
    try:
        point_id, payload, dense = json.loads(line)
        vector = np.frombuffer(base64.b64decode(dense), dtype="<f4")
        return SalvagedPoint(str(point_id), dict(payload), vector)
    except (ValueError, TypeError, RecursionError):  # the last line of a killed child
        return None


def _write_points(folder: str) -> None:
    """The child: every point that can be read, to stdout."""
    from qdrant_edge import EdgeShard, ScrollRequest

    shard = EdgeShard.load(folder)
    offset: Any = None
    while True:
        page, offset = shard.scroll(
            ScrollRequest(offset=offset, limit=_IDS_PER_PAGE, with_payload=False, with_vector=False)
        )
        ids = [point.id for point in page]
        for start in range(0, len(ids), _POINTS_PER_READ):
            _write(shard, ids[start : start + _POINTS_PER_READ])
        if offset is None:
            return


def _write(shard: Any, ids: Sequence[Any]) -> None:
    """Some points, or where one of them cannot be read the others."""
    try:
        lines = [
            json.dumps([str(point.id), point.payload, _encoded(dense_of(point))])
            for point in shard.retrieve(list(ids), True, True)
        ]
    except BaseException as error:  # the engine's panic is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        if len(ids) > 1:
            for point_id in ids:
                _write(shard, [point_id])
        return
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _encoded(vector: FloatArray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        _write_points(sys.argv[1])
    # Not through the engine's own end, which may wait for what is damaged.
    os._exit(0)
