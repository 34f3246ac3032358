"""Who works on a shard, and what its runs have done together: kept in the shard's lease.

A lease (:mod:`harness.index.leases`) keeps each shard to one process at a time. Before each change
a shard also looks whether the run that ordered it still has the repository: when that was lost and
another run has taken its place, the shard ends.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from harness.engines import Engines
from harness.errors import LeaseLostError
from harness.index.batches import NOT_RECORDED, BatchResult
from harness.index.leases import HeldLease
from harness.index.run_lock import Turn, lease_key, nobody
from harness.index.shard_orders import ShardOrder
from harness.store.leases import LeaseStore

_POLL_SECONDS = 0.5


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


def is_done(order: ShardOrder, store: LeaseStore) -> bool:
    """Whether a shard came to its end, with or without failures."""
    return tally_of(order, store).is_done


def tally_of(order: ShardOrder, store: LeaseStore) -> ShardTally:
    """What the runs of a shard have done so far."""
    lease = store.lease(order.key)
    return ShardTally.read("" if lease is None else lease.note, order.run)
