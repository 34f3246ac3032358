"""A whole index run in this process: what ``harness index`` does. Flows run the same steps as
tasks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from harness.engines import Engines
from harness.errors import HarnessError
from harness.index.batches import BatchResult, Progress, embed_batch, record_failed, write_batch
from harness.index.finalizing import finalize
from harness.index.options import IndexOptions, SplitOptions
from harness.index.planning import Batch, IndexPlan, plan
from harness.index.preparing import prepare_batch
from harness.retrying import Backoff, log_retry
from harness.types import IndexReport

logger = logging.getLogger(__name__)

_BATCH_BYTES = SplitOptions().batch_bytes
# A batch's own tries, on top of those of each request to a model or a store.
_BACKOFF = Backoff(attempts=4, base_seconds=1.5)


def index_repository(
    name: str,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    *,
    on_plan: Callable[[IndexPlan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    batch_bytes: int = _BATCH_BYTES,
) -> IndexReport:
    """Index what changed in one repository.

    While one batch is embedded, a thread reads and chunks the next one and another thread writes
    the previous one. A batch that fails for good is recorded and does not stop the others, unless
    the model's server is gone or the disk is full: then the rest are recorded as failed without
    being tried.

    :raises HarnessError: nothing could be planned or finalized.
    """
    began = time.perf_counter()
    work = plan(name, root, engines, options, batch_bytes=batch_bytes)
    if on_plan:
        on_plan(work)
    results: list[BatchResult] = []
    last: HarnessError | None = None

    def failed(batch: Batch, error: HarnessError) -> None:
        nonlocal last
        logger.error("batch %d of %d failed: %s", batch.number, len(work.batches), error)
        results.append(record_failed(work, batch, error, engines))
        last = last or (error if engines.ends_the_run(error) else None)

    def written(batch: Batch, writing: Future[BatchResult]) -> None:
        try:
            results.append(writing.result())
        except HarnessError as error:
            failed(batch, error)

    with (
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as reader,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="write") as writer,
    ):
        ahead = [reader.submit(prepare_batch, work, b, engines.embedder) for b in work.batches[:1]]
        writing: tuple[Batch, Future[BatchResult]] | None = None
        for index, batch in enumerate(work.batches):
            if last is not None:
                results.append(record_failed(work, batch, last, engines))
                continue
            prepared = ahead.pop().result()
            if index + 1 < len(work.batches):
                following = work.batches[index + 1]
                ahead.append(reader.submit(prepare_batch, work, following, engines.embedder))
            embed = partial(embed_batch, work, prepared, engines, on_progress)
            try:
                embedded = _BACKOFF.call(embed, on_retry=log_retry)
            except HarnessError as error:
                failed(batch, error)
                continue
            if writing is not None:
                written(*writing)
            write = partial(write_batch, work, embedded, engines)
            writing = batch, writer.submit(_BACKOFF.call, write, on_retry=log_retry)
        if writing is not None:
            written(*writing)
    return finalize(work, results, engines, seconds=time.perf_counter() - began)
