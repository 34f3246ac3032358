"""Splits the work on a large repository among several processes, and collects the results.

The plan is made once. Each shard gets the files whose paths hash to it, as a plan of its own on
disk (a shard reads the repository's files from the data directory, so it can read the plan, too),
and records each finished batch beside it: a shard that was killed is started again and resumes
there. A lock, which the kernel takes from a killed process, keeps each shard to one process at a
time. The repository is finalized once, with the results of all shards, so that the index is the
same as without them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import UsageError
from harness.files import append_lines, private_folder, write_atomically
from harness.index.batches import BatchResult
from harness.index.planning import Batch, IndexPlan, batches_of
from harness.types import FileRecord, SourceFile

logger = logging.getLogger(__name__)

SHARDS_FOLDER = "shards"
MOST_SHARDS = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
# What a killed parent left behind is of no use: the next run makes a new plan.
_KEPT_SECONDS = 7 * 24 * 3600
_POLL_SECONDS = 1.0


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


def split(plan: IndexPlan, shards: int, batch_bytes: int) -> tuple[IndexPlan, ...]:
    """Plans that together index exactly what ``plan`` does; some may have nothing to do.

    They delete nothing: finalizing ``plan`` does.
    """
    files: list[list[SourceFile]] = [[] for _ in range(shards)]
    for batch in plan.batches:
        for source in batch.files:
            files[shard_of(source.path, shards)].append(source)
    return tuple(
        replace(
            plan,
            batches=batches_of(own, batch_bytes),
            known={s.path: plan.known[s.path] for s in own if s.path in plan.known},
        )
        for own in files
    )


def resumed(plan: IndexPlan, records: Mapping[str, FileRecord]) -> IndexPlan:
    """A shard's plan as it is now: files that a killed process had begun have records, and their
    points may be stale.

    :param records: the repository's, by path.
    """
    own = {source.path for batch in plan.batches for source in batch.files}
    begun = {path: record.attempts for path, record in records.items() if path in own}
    return replace(plan, known={**begun, **plan.known})


def folder_name(plan: IndexPlan, run: str) -> str:
    """Name of a run's folder; those of the same repository begin alike, see
    :meth:`ShardFolder.create`."""
    return f"{hashlib.sha256(plan.root.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}-{run}"


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """Plans and results of one run's shards, below the data directory."""

    path: Path

    @classmethod
    def at(cls, data_dir: Path, name: str) -> ShardFolder:
        """The folder of a run.

        :raises UsageError: the name is not one of ours.
        """
        if _NAME.fullmatch(name) is None:
            raise UsageError(f"{name!r} does not name the shards of a run")
        return cls(data_dir.resolve() / SHARDS_FOLDER / name)

    def create(self, plans: tuple[IndexPlan, ...]) -> None:
        """Write the shards' plans, readable by their owner only.

        The caller holds the repository, so shards of an earlier run that was killed are obsolete:
        they are ended first.

        :raises OSError: the disk is full, or the folder cannot be written.
        """
        private_folder(self.path.parent)
        repository = self.path.name.partition("-")[0]
        for other in self.path.parent.iterdir():
            if other.name.partition("-")[0] == repository:
                ShardFolder(other).end()
            elif time.time() - other.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
        private_folder(self.path, new=True)
        for number, plan in enumerate(plans):
            document = json.dumps(asdict(replace(plan, seen=None)))
            write_atomically(self.path / f"plan-{number}.json", document, durable=True)

    def remove(self) -> None:
        """Remove everything; a shard that still runs fails at its next batch."""
        shutil.rmtree(self.path, ignore_errors=True)

    def end(self) -> None:
        """Remove everything, and return once no shard is at work: one that is fails at its next
        batch."""
        for plan in self.path.glob("plan-*.json"):
            plan.unlink(missing_ok=True)
        for lock in self.path.glob("lock-*"):
            with self.held(int(lock.name.removeprefix("lock-"))):
                pass
        self.remove()

    @contextmanager
    def held(self, shard: int) -> Iterator[None]:
        """Hold a shard as soon as nobody else does (perhaps another start of the same run).

        :raises UsageError: the folder was removed: the repository's run has ended.
        """
        lock = FileLock(self.path / f"lock-{shard}", mode=0o600)
        timeout_seconds = 0.0
        while True:
            if not self.path.is_dir():
                raise UsageError(self._ended(shard))
            try:
                lock.acquire(timeout=timeout_seconds, poll_interval=0.2)
                break
            except Timeout:
                if not timeout_seconds:
                    logger.info("another run is working on shard %d: waiting for it to end", shard)
                timeout_seconds = _POLL_SECONDS
        try:
            yield
        finally:
            lock.release()

    def _ended(self, shard: int) -> str:
        return (
            f"{self.path.name} has no shard {shard}; shards are started by their repository's "
            "run, and end with it"
        )

    def plan(self, shard: int) -> IndexPlan:
        """A shard's whole plan.

        :raises UsageError: there is none: its run has ended.
        """
        try:
            text = (self.path / f"plan-{shard}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UsageError(self._ended(shard)) from None
        document: dict[str, Any] = json.loads(text)
        batches = tuple(
            Batch(
                batch["number"],
                tuple(SourceFile(**source) for source in batch["files"]),
                batch["size_bytes"],
            )
            for batch in document["batches"]
        )
        tuples = {name: tuple(document[name]) for name in ("deleted", "warnings")}
        return IndexPlan(**document | tuples | {"batches": batches})

    def unfinished(self, shard: int) -> IndexPlan:
        """A shard's plan without the batches that have results."""
        plan = self.plan(shard)
        done = {result.number for result in self.results(shard)}
        return replace(plan, batches=tuple(b for b in plan.batches if b.number not in done))

    def add_result(self, shard: int, result: BatchResult) -> None:
        """Note a finished batch; durable on return.

        :raises UsageError: the repository's run has ended, or another one has begun.
        :raises OSError: the disk is full.
        """
        if not (self.path / f"plan-{shard}.json").exists():
            raise UsageError(self._ended(shard))
        append_lines(self.path / f"results-{shard}.jsonl", [json.dumps(asdict(result))])

    def results(self, shard: int) -> list[BatchResult]:
        """Results of a shard's finished batches, one a batch."""
        try:
            text = (self.path / f"results-{shard}.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        found: dict[int, BatchResult] = {}
        for line in text.splitlines():
            try:
                document = json.loads(line)
            except ValueError:
                continue  # of a process that was killed while writing: the batch is done again
            failures = tuple((path, error) for path, error in document["failures"])
            result = BatchResult(**document | {"failures": failures})
            found[result.number] = result
        return list(found.values())
