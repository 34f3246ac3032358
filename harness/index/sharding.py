"""Splits the work on a large repository among several processes that share nothing but the store.

A file belongs to the shard that its path hashes to. Each shard's run gets the files of the commit
itself, makes its own plan and writes; each file's record is marked with the run that it belongs to.
So a shard that is started again goes on after the last file it has finished, on whatever machine,
and the run that ordered the shards reads from the records what they have done. It finalizes once,
and the index is the same as without shards.

A lease (:mod:`harness.index.leases`) keeps each shard to one process at a time. Before each change
a shard also looks whether the run that ordered it still has the repository: when that was lost and
another run has taken its place, the shard ends.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.engines import Engines
from harness.errors import LeaseLostError, UsageError
from harness.index import wholeness
from harness.index.batches import NOT_RECORDED, BatchResult, record_failed
from harness.index.comparing import attempts_of, compared
from harness.index.fingerprint import manifest_of
from harness.index.leases import HeldLease
from harness.index.options import IndexOptions
from harness.index.planning import Batch, IndexPlan, batches_of, sized
from harness.index.run_lock import Turn, lease_key, nobody
from harness.repository.sources import is_git_url
from harness.repository.walk import walk
from harness.store.leases import LeaseStore
from harness.types import FileRecord, FileStatus

MOST_SHARDS = 64
_POLL_SECONDS = 0.5


def shard_count(size_bytes: int, shard_bytes: int) -> int:
    """How many shards a run is split into; 1: it is not split.

    :param size_bytes: source to index, in bytes.
    :param shard_bytes: largest size of a shard; 0: never split.
    """
    if shard_bytes <= 0:
        return 1
    return max(1, min(MOST_SHARDS, -(-size_bytes // shard_bytes)))


def shard_of(path: str, shards: int) -> int:
    """The shard of a file, 0 to ``shards - 1``: a function of its path alone."""
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % shards


@dataclass(frozen=True, slots=True)
class ShardOrder:
    """One shard of a run: plain data, and all that another machine needs beside the files.

    ``source`` is the repository's identity and ``collection`` where its points go. ``run`` is the
    holder of the repository's lease. ``shard`` counts from 0 to ``of - 1``. ``may_reuse`` is False
    when the collection was empty before the run.
    """

    repo: str
    source: str
    collection: str
    run: str
    shard: int
    of: int
    may_reuse: bool = True

    @property
    def key(self) -> str:
        """Of the shard's own lease."""
        return f"{lease_key(self.source)}-shard-{self.shard}"

    def has_done(self, record: FileRecord | None) -> bool:
        """Whether a file's record was written by this run and is final."""
        return (
            record is not None
            and record.run == self.run
            and record.status is not FileStatus.PENDING
        )


def orders(plan: IndexPlan, run: str, shards: int) -> tuple[ShardOrder, ...]:
    """All shards of a run.

    :param run: the holder of the repository's lease.
    """
    return tuple(
        ShardOrder(plan.repo, plan.source, plan.collection, run, shard, shards, plan.may_reuse)
        for shard in range(shards)
    )


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


@dataclass(slots=True)
class ShardTally:
    """What a shard's runs have done together, as far as it is in no file's record; kept as the note
    of the shard's lease, so that another machine goes on with it."""

    run: str
    is_done: bool = False
    chunks_reused: int = 0
    embed_seconds: float = 0.0
    # Files that were gone or could not be read have no record.
    unrecorded: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, note: str, run: str) -> ShardTally:
        """The tally that a note holds, a new one when it is another run's."""
        try:
            found = cls(**json.loads(note))
        except (ValueError, TypeError):
            return cls(run)
        return found if found.run == run else cls(run)

    def add(self, result: BatchResult) -> None:
        """Count a batch."""
        self.chunks_reused += result.chunks_reused
        self.embed_seconds += result.embed_seconds
        lost = {reason: result.skipped.get(reason, 0) for reason in NOT_RECORDED}
        self.unrecorded = dict(Counter(self.unrecorded) + Counter(lost))


class HeldShard:
    """A shard that is ours to work on."""

    def __init__(self, order: ShardOrder, lease: HeldLease) -> None:
        self._lease = lease
        self.order = order
        self._tally = ShardTally.read(lease.note, order.run)

    @property
    def is_done(self) -> bool:
        """Whether an earlier run of the shard came to its end."""
        return self._tally.is_done

    def check(self) -> None:
        """Raises as :meth:`add` when it is not ours any more."""
        self._lease.check()

    def add(self, result: BatchResult) -> None:
        """Note a finished batch.

        :raises LeaseLostError: the shard is somebody else's.
        """
        self._tally.add(result)
        self._write()

    def finish(self) -> None:
        """Note that everything has been tried. Raises as :meth:`add`."""
        self._tally.is_done = True
        self._write()

    def _write(self) -> None:
        self._lease.write_note(json.dumps(asdict(self._tally)))


@contextmanager
def shard_held(
    order: ShardOrder, engines: Engines, *, lease_seconds: float, wait: bool = True
) -> Iterator[HeldShard | None]:
    """Hold a shard as soon as nobody else does, perhaps another start of the same run; changes are
    made while it is :func:`guarded`.

    :param wait: without, None is returned at once when somebody else has it.
    :raises LeaseLostError: the run that ordered it has ended, or lost the repository.
    """
    store = engines.store
    turn = Turn(store, engines.data_dir, order.key, order.run, lease_seconds)
    while (lease := turn.attempt()) is None and wait:
        require_ordered(order, store)
        time.sleep(_POLL_SECONDS)
    if lease is None:
        yield None
        return
    try:
        require_ordered(order, store)
        yield HeldShard(order, lease)
    finally:
        lease.release()
        turn.end()


@contextmanager
def guarded(
    held: HeldShard, engines: Engines, outer: Callable[[], None] | None = None
) -> Iterator[None]:
    """Within the block, the store changes only while the shard and its repository are held.

    :param outer: what the store asks before each change afterwards.
    """

    def check() -> None:
        held.check()
        require_ordered(held.order, engines.store)

    engines.store.guard(check)
    try:
        yield
    finally:
        engines.store.guard(outer or nobody)


def require_ordered(order: ShardOrder, store: LeaseStore) -> None:
    """Make sure that the run that ordered a shard still has the repository.

    :raises LeaseLostError: it has ended, or another one has taken its place.
    """
    lease = store.lease(lease_key(order.source))
    if lease is None or lease.holder != order.run:
        raise LeaseLostError(
            f"the run that ordered this shard of {order.repo} has ended; shards are started by "
            "their repository's run, and end with it"
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


def is_done(order: ShardOrder, store: LeaseStore) -> bool:
    """Whether a shard came to its end, with or without failures."""
    return _tally(order, store).is_done


def _tally(order: ShardOrder, store: LeaseStore) -> ShardTally:
    lease = store.lease(order.key)
    return ShardTally.read("" if lease is None else lease.note, order.run)


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
        tally = _tally(order, store)
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
