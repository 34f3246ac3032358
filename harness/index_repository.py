"""A whole index run in this process: what ``harness index`` does. Flows run the same steps as
tasks instead."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from harness.engines import Engines
from harness.errors import HarnessError, is_transient
from harness.indexing import (
    BatchResult,
    IndexOptions,
    IndexPlan,
    PreparedBatch,
    Progress,
    finalize,
    plan,
    prepare_batch,
    record_failed,
    store_batch,
)
from harness.planning import DEFAULT_BATCH_BYTES
from harness.types import IndexReport

logger = logging.getLogger(__name__)

_ATTEMPTS = 4
_FIRST_DELAY_SECONDS = 1.0


def index_repository(
    name: str,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    *,
    on_plan: Callable[[IndexPlan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    batch_bytes: int = DEFAULT_BATCH_BYTES,
) -> IndexReport:
    """Index what changed in one repository.

    The next batch is read and chunked in a thread while the current one is embedded. A batch
    that fails for good is recorded and does not stop the others.

    :raises HarnessError: nothing could be planned or finalized.
    """
    began = time.perf_counter()
    work = plan(name, root, engines, options, batch_bytes=batch_bytes)
    if on_plan:
        on_plan(work)
    results: list[BatchResult] = []
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as pool:

        def prepare(index: int) -> Future[PreparedBatch] | None:
            if index >= len(work.batches):
                return None
            return pool.submit(prepare_batch, work, work.batches[index], engines.embedder)

        ahead = prepare(0)
        for index, batch in enumerate(work.batches):
            if ahead is None:  # only to satisfy the type: there is one per batch
                break
            prepared = ahead.result()
            ahead = prepare(index + 1)
            try:
                results.append(_store_with_retries(work, prepared, engines, on_progress))
            except HarnessError as error:
                logger.error("batch %d of %d failed: %s", batch.number, len(work.batches), error)
                results.append(record_failed(work, batch, error, engines))
    return finalize(work, results, engines, seconds=time.perf_counter() - began)


def _store_with_retries(
    work: IndexPlan,
    prepared: PreparedBatch,
    engines: Engines,
    on_progress: Callable[[Progress], None] | None,
) -> BatchResult:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return store_batch(work, prepared, engines, on_progress)
        except HarnessError as error:
            if not is_transient(error) or attempt == _ATTEMPTS:
                raise
            delay = _FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311
            logger.warning("%s; trying again in %.1f s", error, delay)
            time.sleep(delay)
    raise AssertionError("unreachable")
