"""``manifest.json`` of a backup: what is in it, and how to tell that it is whole."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from harness.backup.prefect_copy import PrefectFile
from harness.backup.sealing import SUFFIX
from harness.errors import StoreError, UnsafeNameError
from harness.files import new_private
from harness.names import path_name
from harness.store.collection_names import collection_name
from harness.store.snapshots import (
    Sample,
    SnapshotFile,
    file_sha256,
)

NAME = "manifest.json"
MAX_BYTES = 4_000_000
"""Of a manifest, which has some kilobytes for each collection."""
SCHEMA_VERSION = 3
"""Version 1 also named the target of an alias, which nothing read; version 2 knew no copy of
Prefect's database. Both can still be restored."""


_PLAIN = {"str": str, "int": int, "bool": bool}
"""Fields of which JSON has the same kind, as their annotations name them."""

Made = TypeVar("Made", SnapshotFile, Sample, PrefectFile, "BackupManifest")


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """``created_at`` is UTC in ISO 8601. ``files`` are in the order in which they were copied;
    ``prefect`` is None where no database of Prefect's was copied."""

    schema_version: int
    created_at: str
    engine: str
    harness_version: str
    files: tuple[SnapshotFile, ...]
    prefect: PrefectFile | None = None

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files) + (self.prefect.bytes if self.prefect else 0)

    @property
    def points(self) -> int:
        """Chunks in all collections; records do not count."""
        return sum(file.points for file in self.files if file.holds_chunks)


def write(folder: Path, manifest: BackupManifest) -> None:
    """Write the manifest into a backup's folder; durable on return."""
    with new_private(folder / NAME) as file:
        file.write(json.dumps(asdict(manifest), indent=2).encode())


def read(folder: Path) -> BackupManifest:
    """Read and validate. A backup may come from anywhere, so the names in it are not trusted.

    :raises StoreError: it is missing, damaged, or of a version that this Harness does not know.
    """
    path = folder / NAME
    if (folder / (NAME + SUFFIX)).exists():
        raise StoreError(f"{folder} is encrypted; set HARNESS_BACKUP_KEY_FILE to its key")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = data["schema_version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read ({error}); choose another backup") from error
    if version not in (1, 2, SCHEMA_VERSION):
        maker = data.get("harness_version", "unknown")
        raise StoreError(
            f"{path} has schema version {version!r:.20}, this Harness knows up to "
            f"{SCHEMA_VERSION}; use the Harness that made it ({maker!r:.40})"
        )
    if version == 1:
        data.pop("alias", None)
    try:
        files = tuple(_file(file) for file in data["files"])
        prefect = _made(PrefectFile, data["prefect"]) if data.get("prefect") else None
        manifest = _made(BackupManifest, {**data, "files": files, "prefect": prefect})
        if prefect:
            path_name(prefect.file, "a backup's file")
            if not isinstance(prefect.rows, dict):
                raise ValueError("what is told of Prefect's database has another form")
            for count in prefect.rows.values():
                _check("rows", count, int)
        for file in files:
            path_name(file.file, "a backup's file")
            if file.collection:
                collection_name(file.collection)
    except (KeyError, TypeError, ValueError, UnsafeNameError) as error:
        raise StoreError(f"{path} is damaged ({error}); choose another backup") from error
    return manifest


def _file(data: Mapping[str, Any]) -> SnapshotFile:
    samples = tuple(_made(Sample, sample) for sample in data["samples"])
    for sample in samples:
        uuid.UUID(sample.id)  # as points have it
    return _made(SnapshotFile, {**data, "samples": samples})


def _made(kind: Callable[..., Made], data: Mapping[str, Any]) -> Made:
    """A dataclass of what was read, whose plain fields hold what they say.

    :raises ValueError: one holds something else.
    :raises TypeError: fields are missing, or there are others.
    """
    made = kind(**data)
    for field in fields(made):
        wanted = _PLAIN.get(str(field.type))
        if wanted is not None:
            _check(field.name, getattr(made, field.name), wanted)
    return made


def _check(name: str, value: object, wanted: type) -> None:
    if type(value) is not wanted or (isinstance(value, int) and value < 0):
        raise ValueError(f"{name} is none that a backup has")


def require_index(manifest: BackupManifest) -> None:
    """Refuse what is less than an index: restored, it would take the place of a whole one.

    :raises StoreError: chunks or records are missing, or a file is there twice.
    """
    chunks = [file.file for file in manifest.files if file.holds_chunks]
    names = [file.file for file in manifest.files]
    if not chunks or len(chunks) == len(names) or len(set(names)) < len(names):
        raise StoreError(
            "the backup's manifest is damaged (it does not name chunks and records, each file "
            "once); choose another backup"
        )


def file_names(manifest: BackupManifest) -> list[str]:
    """All files of a backup but the manifest."""
    return list(file_sizes(manifest))


def file_sizes(manifest: BackupManifest) -> dict[str, int]:
    """All files of a backup but the manifest, and how many bytes each has."""
    sizes = {file.file: file.bytes for file in manifest.files}
    if manifest.prefect is not None:
        sizes[manifest.prefect.file] = manifest.prefect.bytes
    return sizes


def verify_files(folder: Path, manifest: BackupManifest) -> None:
    """Compare every file with its recorded size and SHA-256.

    :raises StoreError: a file is missing or differs.
    """
    for file in (*manifest.files, *((manifest.prefect,) if manifest.prefect else ())):
        path = folder / file.file
        if path.is_symlink() or file_sha256(path) != file.sha256:
            raise StoreError(
                f"{path} is not what was backed up (its sha256 differs); nothing was changed, "
                "choose another backup"
            )
