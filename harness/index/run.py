"""A whole index run in this process: what ``harness index`` does. Flows run the same steps as
tasks."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from harness.engines import Engines
from harness.errors import HarnessError
from harness.index.batches import (
    BatchResult,
    EmbeddedBatch,
    OnProgress,
    Progress,
    embed_batch,
    record_failed,
    write_batch,
)
from harness.index.finalizing import finalize
from harness.index.options import IndexOptions, SplitOptions
from harness.index.planning import Batch, IndexPlan, plan
from harness.index.preparing import PreparedBatch
from harness.index.reading import batch_reader
from harness.retrying import Backoff, log_retry
from harness.types import IndexReport

logger = logging.getLogger(__name__)

_BATCH_BYTES = SplitOptions().batch_bytes
# Batches that are read before their turn; each is some 20 MB in memory.
_AHEAD = 2
# A batch's own tries, on top of those of each request to a model or a store.
_BACKOFF = Backoff(attempts=4, base_seconds=1.5)


def index_repository(
    name: str,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    *,
    on_plan: Callable[[IndexPlan], None] | None = None,
    on_progress: OnProgress | None = None,
    batch_bytes: int = _BATCH_BYTES,
    source: str | None = None,
) -> IndexReport:
    """Index what changed in one repository.

    While one batch is embedded, the next ones are read and chunked, and a thread writes the one
    before. A batch that fails for good is recorded and does not stop the others, unless the
    model's server is gone or the disk is full: then the rest are recorded as failed without being
    tried.

    :param on_progress: each file of the plan is counted once, whether or not it fails.
    :param source: the repository's identity; None: the folder.
    :raises HarnessError: nothing could be planned or finalized.
    """
    began = time.perf_counter()
    report = on_progress or _ignore
    work = plan(name, root, engines, options, batch_bytes=batch_bytes, source=source)
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
        batch_reader(work, engines.embedder) as read,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="write") as writer,
    ):
        ahead = deque(map(read, work.batches[:_AHEAD]))
        writing: tuple[Batch, Future[BatchResult]] | None = None
        for index, batch in enumerate(work.batches):
            if last is not None:
                results.append(record_failed(work, batch, last, engines))
                report(_whole(batch))
                continue
            prepared = ahead.popleft()()
            ahead.extend(map(read, work.batches[index + _AHEAD : index + _AHEAD + 1]))
            embed = partial(_embed, work, prepared, engines, report)
            try:
                embedded = _BACKOFF.call(embed, on_retry=log_retry)
            except HarnessError as error:
                failed(batch, error)
                report(_whole(batch))
                continue
            if writing is not None:
                written(*writing)
            write = partial(write_batch, work, embedded, engines)
            writing = batch, writer.submit(_BACKOFF.call, write, on_retry=log_retry)
        if writing is not None:
            written(*writing)
    return finalize(work, results, engines, seconds=time.perf_counter() - began)


def _ignore(_step: Progress) -> None:
    """Nobody wants to know."""


def _whole(batch: Batch) -> Progress:
    """A batch that is over and done with, though it failed."""
    return Progress(files=len(batch.files), size_bytes=batch.size_bytes)


def _embed(
    work: IndexPlan, prepared: PreparedBatch, engines: Engines, report: OnProgress
) -> EmbeddedBatch:
    """One attempt at a batch; what it reported is taken back when it fails."""
    steps: list[Progress] = []

    def keep(step: Progress) -> None:
        steps.append(step)
        report(step)

    try:
        return embed_batch(work, prepared, engines, keep)
    except HarnessError:
        report(
            Progress(
                files=-sum(step.files for step in steps),
                chunks=-sum(step.chunks for step in steps),
                chunks_embedded=-sum(step.chunks_embedded for step in steps),
                size_bytes=-sum(step.size_bytes for step in steps),
            )
        )
        raise
