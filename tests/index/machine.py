"""An index run as on a machine of its own: a process with an empty data directory and a server for
the index. ``python -m tests.index.machine QDRANT_URL DATA_DIR SOURCE LEASE_SECONDS [STOP_AT]``
stops itself as SIGSTOP does before the batch of that number is written."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.engines import Engines
from harness.errors import HarnessError
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.index.run_lock import hold_repository
from harness.repository.checkout import resolve_source
from harness.repository.mirrors import work_folder
from harness.store.opening import open_store
from harness.store.options import QdrantOptions
from harness.types import FloatArray, IndexReport
from tests.fakes.embedder import HashEmbedder

BATCH_BYTES = 10_000


class StoppingEmbedder(HashEmbedder):
    """Stops its process when it has embedded a batch, which then only has to be written."""

    stop_at = 0
    batches = 0

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        vectors = super().embed_documents(texts)
        self.batches += 1
        if self.batches == self.stop_at:
            os.kill(os.getpid(), signal.SIGSTOP)
        return vectors


def index(
    url: str,
    data_dir: Path,
    source: str,
    lease_seconds: float,
    stop_at: int = 0,
    *,
    may_be_killed: bool = False,
) -> IndexReport:
    """Index the newest commit of a git URL.

    :raises HarnessError: the run failed.
    """
    embedder = StoppingEmbedder()
    embedder.stop_at = stop_at
    store = open_store(QdrantOptions(url=url, grpc_port=0))
    with (
        Engines(embedder, store, data_dir) as engines,
        hold_repository(
            store,
            data_dir,
            source,
            lease_seconds=lease_seconds,
            may_be_killed=may_be_killed,
        ) as lease,
        work_folder(source, data_dir) as folder,
    ):
        assert lease is not None
        print("holds", lease.fence, flush=True)
        checkout = resolve_source(source, into=folder, data_dir=data_dir, timeout_seconds=60)
        return index_repository(
            "app",
            checkout.root,
            engines,
            IndexOptions(),
            batch_bytes=BATCH_BYTES,
            source=checkout.source,
        )


if __name__ == "__main__":
    _, address, folder, where, seconds, *stop = sys.argv
    try:
        stop_at = int(stop[0]) if stop else 0
        report = index(address, Path(folder), where, float(seconds), stop_at, may_be_killed=True)
        print(report.commit)
    except HarnessError as error:
        sys.exit(f"{type(error).__name__}: {error}")
