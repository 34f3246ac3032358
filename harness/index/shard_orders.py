"""The shards that a run is split into, and which files belong to each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness.index.planning import IndexPlan
from harness.index.run_lock import lease_key
from harness.types import FileRecord, FileStatus

MOST_SHARDS = 64


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
