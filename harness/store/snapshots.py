"""Copies of a whole index as files: what a backup needs of a store, for every engine."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from harness.errors import StoreError
from harness.store.collection_names import CHUNKS_NAME

Step = Callable[[str], None]
"""Called at the beginning of each step, with a few words about it."""

SAMPLES = 16
"""How many points of a collection have their vectors compared after a restore."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A point and :func:`vector_checksum` of its vectors."""

    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file of a backup.

    ``collection`` is empty for the embedded store's records, which have no points. ``exact`` is
    False when a server's collection was written to while it was copied: ``points`` is then
    approximate. ``bytes`` and ``sha256`` are those of the file.
    """

    collection: str
    file: str
    sha256: str
    bytes: int
    points: int = 0
    exact: bool = True
    samples: tuple[Sample, ...] = ()

    @property
    def holds_chunks(self) -> bool:
        """Whether the file is a collection of chunks; else it holds records."""
        return CHUNKS_NAME.fullmatch(self.collection) is not None


class Snapshots(Protocol):
    """Copying an index out of a store and back.

    A subclass inherits the documentation of each method. Errors as of
    :class:`harness.store.protocol.VectorStore`.
    """

    def capture(self, folder: Path, step: Step) -> tuple[SnapshotFile, ...]:
        """Copy the whole index into files of this folder (mode 0600, durable on return).

        :returns: the files, records first.
        :raises NothingIndexedError: nothing is indexed.
        """

    def rehearse(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        """Restore beside the index, compare with what was recorded, and remove it again.

        :param folder: the backup; nothing in it changes. Temporary files go beside it.
        :raises StoreError: counts or vectors are not those that were recorded.
        """

    def restore(self, folder: Path, files: Sequence[SnapshotFile], step: Step) -> None:
        """Replace the index. Searches see the old one until the new one has been checked.

        :raises StoreError: the copy is not what was recorded; the index is left as it was.
        """

    def clean(self, folder: Path) -> None:
        """Remove what a killed :meth:`capture` into this folder left outside it."""


def vector_checksum(vectors: object) -> str:
    """SHA-256 over a point's named vectors, independent of the engine and of their order.

    Each vector adds its name and its values as little-endian float32; a sparse one adds its
    ascending uint32 indices before its values.
    """
    digest = hashlib.sha256()
    named: Mapping[str, Any] = vectors if isinstance(vectors, Mapping) else {}
    for name in sorted(named):
        digest.update(name.encode() + b"\0")
        value = named[name]
        if hasattr(value, "indices"):
            pairs = sorted(zip(value.indices, value.values, strict=True))
            digest.update(np.asarray([index for index, _ in pairs], dtype="<u4").tobytes())
            digest.update(np.asarray([weight for _, weight in pairs], dtype="<f4").tobytes())
        else:
            digest.update(np.asarray(value, dtype="<f4").tobytes())
    return digest.hexdigest()


def some_points(page: Callable[[str | None, int], Sequence[Any]]) -> Sequence[Any]:
    """Choose points of a collection at random, or all of them when there are few.

    Ids are hashes, so the points behind a random id are a random sample.

    :param page: returns points in the order of their ids, starting at an id (None: the first), at
        most as many as its second argument says.
    """
    found = page(str(uuid.uuid4()), SAMPLES)
    return found if len(found) == SAMPLES else page(None, SAMPLES)


def compare(recorded: SnapshotFile, points: int, samples: Sequence[Sample]) -> None:
    """Check a restored collection.

    :param samples: those of the recorded points that were found.
    :raises StoreError: it differs from what was recorded.
    """
    checksums = {sample.id: sample.sha256 for sample in samples}
    if recorded.exact and points != recorded.points:
        raise StoreError(
            f"{recorded.file} holds {points} points, its backup recorded {recorded.points}; "
            "restore another backup"
        )
    for sample in recorded.samples:
        if checksums.get(sample.id) != sample.sha256:
            what = "differs" if sample.id in checksums else "is missing"
            raise StoreError(
                f"{recorded.file}: the vector of point {sample.id} {what}; restore another backup"
            )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes.

    :raises StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"cannot read {path} ({error.strerror}); choose another backup") from error
