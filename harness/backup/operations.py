"""Make a backup, check it, restore it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness import __version__
from harness.backup import manifest as manifests
from harness.backup.folders import LATEST, BackupFolders, expired
from harness.backup.manifest import BackupManifest
from harness.backup.options import Retention
from harness.errors import StoreDamagedError, StoreError, UsageError
from harness.index.wholeness import damage
from harness.store.options import LOCK_TIMEOUT_SECONDS
from harness.store.protocol import VectorStore
from harness.store.snapshots import SnapshotFile, Step

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that was made; ``removed`` are older ones that retention deleted.

    ``alias`` is the one collection that holds chunks, None with several. There is no alias any
    more; scripts that read the JSON find the name where it was.
    """

    name: str
    path: str
    engine: str
    created_at: str
    alias: str | None
    bytes: int
    points: int
    seconds: float
    files: tuple[SnapshotFile, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """A backup that was restored, or only checked; ``samples`` vectors were compared."""

    name: str
    path: str
    engine: str
    created_at: str
    collections: int
    points: int
    samples: int
    seconds: float
    restored: bool


class Backups:
    """All backups of one index; a context manager that closes the store.

    :param root: folder with the backups.
    :param store: the index.
    :param lock_timeout_seconds: how long to wait for another backup or restore.
    """

    def __init__(
        self,
        root: Path,
        store: VectorStore,
        *,
        retention: Retention = Retention(),  # noqa: B008 - frozen
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self.folders = BackupFolders(root, lock_timeout_seconds)
        self._store = store
        self._snapshots = store.snapshots()
        self._retention = retention

    def __enter__(self) -> Backups:
        return self

    def __exit__(self, *error: object) -> None:
        self._store.close()

    def backup(self, step: Step = logger.info) -> BackupReport:
        """Copy the index into a new folder, then remove backups that are no longer kept.

        :raises StoreBusyError: another backup is under way, or the index was held for too long.
        :raises StoreDamagedError: the index is damaged; earlier backups are kept.
        :raises StoreError: the disk is full; earlier backups are kept.
        :raises ServiceUnavailableError: the server does not answer.
        :raises NothingIndexedError: there is nothing to back up.
        """
        began = time.monotonic()
        with self.folders.exclusive():
            self.folders.clear_leftovers(self._snapshots.clean)
            try:
                partial = self.folders.begin(datetime.now(UTC))
                folder, manifest = self._write(partial, step)
            except OSError as error:
                raise StoreError(
                    f"cannot write the backup ({error.strerror or error}); check the space of "
                    f"{self.folders.root}"
                ) from error
            finally:  # half a backup must not take up the disk until the next run
                self.folders.clear_leftovers(self._snapshots.clean)
            removed = expired(self.folders.names(), self._retention)
            self.folders.remove(removed)
        collections = [file.collection for file in manifest.files if file.holds_chunks]
        return BackupReport(
            name=folder.name,
            path=str(folder),
            engine=manifest.engine,
            created_at=manifest.created_at,
            alias=collections[0] if len(collections) == 1 else None,
            bytes=manifest.bytes,
            points=manifest.points,
            seconds=round(time.monotonic() - began, 2),
            files=manifest.files,
            removed=tuple(removed),
        )

    def _write(self, partial: Path, step: Step) -> tuple[Path, BackupManifest]:
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        step("looking for damage")
        self._require_whole()
        files = self._snapshots.capture(partial, step)
        manifest = BackupManifest(
            schema_version=manifests.SCHEMA_VERSION,
            created_at=created_at,
            engine=self._store.engine,
            harness_version=__version__,
            files=files,
        )
        manifests.write(partial, manifest)
        step("verifying")
        manifests.verify_files(partial, manifests.read(partial))
        return self.folders.publish(partial), manifest

    def _require_whole(self) -> None:
        """A copy of a damaged index would push out the good ones.

        :raises StoreDamagedError: it is damaged.
        """
        for manifest in self._store.manifests():
            self._store.examine(manifest.collection)
        if wrong := damage(self._store):
            raise StoreDamagedError(
                f"{wrong}: a damaged index is not backed up, and earlier backups are kept; run "
                "`harness repair` first"
            )

    def restore(self, name: str = LATEST, step: Step = logger.info) -> RestoreReport:
        """Replace the index by a backup; everything is verified before anything is touched.

        :raises UsageError: there is no such backup, or it is of another engine.
        :raises StoreError: the backup is damaged or too new; the index is left as it was.
        """
        return self._use(name, step, restored=True)

    def verify_restore(self, name: str = LATEST, step: Step = logger.info) -> RestoreReport:
        """Restore beside the index, compare counts and vectors, and remove it again.

        :raises UsageError: there is no such backup, or it is of another engine.
        :raises StoreError: it would not restore to what was backed up.
        """
        return self._use(name, step, restored=False)

    def _use(self, name: str, step: Step, restored: bool) -> RestoreReport:
        began = time.monotonic()
        with self.folders.exclusive():
            self.folders.clear_leftovers(self._snapshots.clean)
            folder = self.folders.find(name)
            manifest = manifests.read(folder)
            if manifest.engine != self._store.engine:
                raise UsageError(
                    f"backup {folder.name} is of the engine {manifest.engine}, but the one in use "
                    f"is {self._store.engine}; set or unset QDRANT_HOST, or index again"
                )
            step("verifying checksums")
            manifests.verify_files(folder, manifest)
            act = self._snapshots.restore if restored else self._snapshots.rehearse
            try:
                act(folder, manifest.files, step)
            except OSError as error:
                raise StoreError(
                    f"cannot restore ({error.strerror or error}); check the disk's space"
                ) from error
        return RestoreReport(
            name=folder.name,
            path=str(folder),
            engine=manifest.engine,
            created_at=manifest.created_at,
            collections=sum(bool(file.collection) for file in manifest.files),
            points=manifest.points,
            samples=sum(len(file.samples) for file in manifest.files),
            seconds=round(time.monotonic() - began, 2),
            restored=restored,
        )
