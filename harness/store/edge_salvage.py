"""Making a shard of what is left of a damaged one, which a process of its own reads.

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
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import StoreDamagedError
from harness.files import private_folder
from harness.lifeline import Lifeline
from harness.store import integrity
from harness.store.edge_making import make_shard, require_space
from harness.store.edge_points import upsert
from harness.store.edge_shards import EdgeShards
from harness.store.payload import dense_of
from harness.store.salvaging import DAMAGED_FOLDER, Prove, Salvage, SalvagedPoint
from harness.types import FloatArray, Manifest

# Which files vectors come from: where one differs from its checksum, so may any vector.
_VECTORS = "vector_storage-dense"
_IDS_PER_PAGE = 1000
_POINTS_PER_READ = 64
_POINTS_PER_WRITE = 512
_QUIET_SECONDS = 30.0
"""A child that writes nothing for so long hangs."""

logger = logging.getLogger(__name__)


def rebuild(shards: EdgeShards, manifest: Manifest, prove: Prove) -> Salvage:
    """Put a shard of what can still be read in the place of a damaged one, which is moved out of
    the index; call it while :meth:`EdgeShards.exclusive`.

    The new shard is filled beside the damaged one and takes its name when it is complete: whenever
    this is killed, what has the name is damaged, and is called so, or is whole.

    :raises StoreError: there is no room for it.
    """
    folder = shards.folder(manifest.collection)
    if not folder.exists():
        make_shard(folder, manifest.dimension)
        return Salvage(None)
    points = prove(read_points(folder)) if _has_its_vectors(folder) else iter(())
    kept = 0

    def fill(shard: Any) -> None:
        nonlocal kept
        while part := list(islice(points, _POINTS_PER_WRITE)):
            require_space(shards.root)
            upsert(shard, part)
            kept += len(part)

    aside = private_folder(shards.root / DAMAGED_FOLDER)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = aside / f"{folder.name}-{stamp}-{os.urandom(2).hex()}"
    make_shard(folder, manifest.dimension, fill=fill, aside=target)
    return Salvage(target, kept)


def _has_its_vectors(folder: Path) -> bool:
    """Whether the files that vectors are in are as they were written."""
    try:
        integrity.check(folder, thorough=True, only=_VECTORS)
    except StoreDamagedError as error:
        logger.warning("no vector of it is used again: %s", error)
        return False
    return True


def read_points(folder: Path, quiet_seconds: float = _QUIET_SECONDS) -> Iterator[SalvagedPoint]:
    """The points of a shard that can be read; never raises for what is in it.

    :param quiet_seconds: a reader that says nothing for so long is ended.
    """
    command = [sys.executable, "-m", "harness.store.edge_salvage", str(folder), str(os.getpid())]
    with (
        # The engine writes to files that it opens. When this process is killed, the next one takes
        # the store, and nobody else may be at its files then.
        Lifeline() as lifeline,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=lifeline.passed,
        ) as child,
    ):
        lifeline.hold(child.pid)
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
    # Else whoever wants them was killed before it held this process.
    if os.getppid() == int(sys.argv[2]):
        with contextlib.suppress(BrokenPipeError):
            _write_points(sys.argv[1])
    # Not through the engine's own end, which may wait for what is damaged.
    os._exit(0)
