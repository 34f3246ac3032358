"""What is indexed, and how."""

from __future__ import annotations

from pydantic import Field

from harness.index.options import LEASE_SECONDS, IndexOptions, SplitOptions
from harness.settings.base import Settings
from harness.store.options import LOCK_TIMEOUT_SECONDS

_INDEX = IndexOptions()
_SPLIT = SplitOptions()


class IndexSettings(Settings):
    """What is indexed and how."""

    max_file_bytes: int = Field(
        default=_INDEX.max_file_bytes,
        gt=0,
        validation_alias="HARNESS_MAX_FILE_BYTES",
        description="Larger files are skipped (bytes).",
    )
    lock_timeout_seconds: float = Field(
        default=LOCK_TIMEOUT_SECONDS,
        gt=0,
        validation_alias="HARNESS_LOCK_TIMEOUT_SECONDS",
        description="How long to wait for another process that holds the embedded store.",
    )
    lease_seconds: float = Field(
        default=LEASE_SECONDS,
        ge=1,
        validation_alias="HARNESS_LEASE_SECONDS",
        description="On a Qdrant server: how long an index run may give no sign of life before "
        "another one takes its place.",
    )
    batch_bytes: int = Field(
        default=_SPLIT.batch_bytes,
        ge=10_000,
        validation_alias="HARNESS_BATCH_BYTES",
        description="Source per batch, one task of an index run (bytes); the default takes the "
        "embedded model 10-20 s on two cores.",
    )
    shard_bytes: int = Field(
        default=_SPLIT.shard_bytes,
        ge=0,
        validation_alias="HARNESS_SHARD_BYTES",
        description="A repository with more source than this to index is split into flow runs "
        "of about this size (bytes); 0: never.",
    )
    shards_at_once: int = Field(
        default=_SPLIT.shards_at_once,
        ge=1,
        le=64,
        validation_alias="HARNESS_SHARDS_AT_ONCE",
        description="How many of a repository's shards run at the same time.",
    )
