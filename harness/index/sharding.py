"""Splits the work on a large repository among several processes that share nothing but the store.

A file belongs to the shard that its path hashes to. Each shard's run gets the files of the commit
itself, makes its own plan and writes; each file's record is marked with the run that it belongs to.
So a shard that is started again goes on after the last file it has finished, on whatever machine,
and the run that ordered the shards reads from the records what they have done. It finalizes once,
and the index is the same as without shards.

:mod:`harness.index.shard_orders` says which files are whose, :mod:`harness.index.shard_holding`
who works on a shard.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.engines import Engines
from harness.errors import UsageError
from harness.index import wholeness
from harness.index.batches import BatchResult, record_failed
from harness.index.comparing import attempts_of, compared
from harness.index.fingerprint import manifest_of
from harness.index.options import IndexOptions
from harness.index.planning import Batch, IndexPlan, batches_of, sized
from harness.index.shard_holding import ShardTally, tally_of
from harness.index.shard_orders import ShardOrder, shard_of
from harness.repository.sources import is_git_url
from harness.repository.walk import walk
from harness.types import FileRecord, FileStatus


def plan_shard(
    order: ShardOrder,
    root: Path,
    engines: Engines,
    options: IndexOptions,
    *,
    batch_bytes: int,
) -> IndexPlan:
    """What one shard of a run has to do, and has not done yet: of the files that differ from what
    was recorded before the run, those whose paths are its own. Changes nothing.

    Every machine that has the same commit gets the same plan; of a folder, what is in it now.

    :param root: the repository's files.
    :raises UsageError: this machine's embedder is not the one of the run.
    :raises HarnessError: .
    """
    started_at = time.time()
    manifest = manifest_of(engines.embedder)
    if manifest.collection != order.collection:
        raise UsageError(
            f"this shard goes into {order.collection}, and the model here would make "
            f"{manifest.collection}; give all workers the same OLLAMA_HOST and EMBED_MODEL"
        )
    pristine = is_git_url(order.source)
    listing = walk(
        root,
        max_file_bytes=options.max_file_bytes,
        include=options.include,
        exclude=options.exclude,
        pristine=pristine,
    )
    records = engines.store.file_records(manifest.collection, order.repo)
    # As they were before the run: origins of moved files are the same whichever shard is first.
    before = {path: record for path, record in records.items() if record.run != order.run}
    with engines.store.opened(manifest.collection):
        stored = engines.store.chunks_by_path(manifest.collection, order.repo)
    wrong = wholeness.compare(order.repo, records, stored)
    found = compared(listing, before, wrong, full=options.full)
    own = [
        source
        for source in found.changed
        if shard_of(source.path, order.of) == order.shard
        and not order.has_done(records.get(source.path))
    ]
    return IndexPlan(
        repo=order.repo,
        root=str(root),
        commit=listing.commit or "",
        collection=manifest.collection,
        model=manifest.model,
        full=options.full,
        max_file_bytes=options.max_file_bytes,
        batches=batches_of(own, sized(batch_bytes, engines)),
        files_total=len(own),
        files_unchanged=0,
        deleted=(),
        skipped={},
        # What a killed process had begun has records of this run, and its points may be stale.
        known=attempts_of(own, records),
        origins=found.origins,
        may_reuse=order.may_reuse,
        started_at=started_at,
        source=order.source,
        is_git=listing.is_git,
        run=order.run,
    )


def left_of(order: ShardOrder, plan: IndexPlan, records: Mapping[str, FileRecord]) -> list[Batch]:
    """What a run has planned for a shard that has no final record yet, as one batch or none."""
    files = [
        source
        for batch in plan.batches
        for source in batch.files
        if shard_of(source.path, order.of) == order.shard
        and not order.has_done(records.get(source.path))
    ]
    return [Batch(1, tuple(files), sum(source.size_bytes for source in files))] if files else []


def collect(
    ordered: Sequence[ShardOrder], plan: IndexPlan, engines: Engines, errors: Sequence[str]
) -> list[BatchResult]:
    """What the shards have done, one result for each; files that a shard never came to are recorded
    as failed.

    :param errors: why each shard ended, when it did not come to its end.
    """
    store = engines.store
    records = store.file_records(plan.collection, plan.repo)
    results = []
    for order, error in zip(ordered, errors, strict=True):
        tally = tally_of(order, store)
        own = [
            record
            for record in records.values()
            if order.has_done(record) and shard_of(record.path, order.of) == order.shard
        ]
        results.append(_result(order, own, tally))
        if tally.is_done:
            continue
        for batch in left_of(order, plan, records):
            reason = RuntimeError(f"shard {order.shard}: {error or 'it did not come to its end'}")
            results.append(record_failed(plan, batch, reason, engines))
    return results


def _result(order: ShardOrder, own: Sequence[FileRecord], tally: ShardTally) -> BatchResult:
    indexed = [record for record in own if record.status is FileStatus.INDEXED]
    failed = [record for record in own if record.status is FileStatus.FAILED]
    skipped = Counter(record.skip_reason for record in own if record.status is FileStatus.SKIPPED)
    chunks = sum(record.chunks for record in indexed)
    return BatchResult(
        number=order.shard + 1,
        files_indexed=len(indexed),
        files_failed=len(failed),
        # A batch that was written by a process which was killed before it could count it.
        chunks_embedded=max(chunks - tally.chunks_reused, 0),
        chunks_reused=tally.chunks_reused,
        bytes_indexed=sum(record.size_bytes for record in indexed),
        embed_seconds=tally.embed_seconds,
        skipped=dict(skipped + Counter(tally.unrecorded)),
        failures=tuple((record.path, record.error) for record in failed),
    )
