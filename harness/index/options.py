"""What an index run may be told; the home of its defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What is indexed. ``include`` and ``exclude`` are path globs; ``full`` embeds everything
    again; a file larger than ``max_file_bytes`` is skipped."""

    full: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_file_bytes: int = 1_000_000


LEASE_SECONDS = 60.0
"""How long a run that gives no sign of life keeps its repository on a server. A run gives four in
that time; a stop of the world, a busy server or a lost route is mostly over within it."""


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How a run's work is cut, in bytes of source.

    ``batch_bytes`` is one batch of files: about 500 chunks, 10-20 s of the embedded model on two
    cores, and the most that a killed process has to embed again. A repository with more than
    ``shard_bytes`` to index is split into runs of that size, of which ``shards_at_once`` work at
    the same time; 0 never splits.
    """

    batch_bytes: int = 400_000
    shard_bytes: int = 256_000_000
    shards_at_once: int = 2


LIGHT_BATCHES = 3
"""How much larger a batch is with a model that takes next to no time: then its memory sets the
limit, some 20 MB of chunks, and not what a killed process has to do again."""
