"""Make a backup, check it, restore it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness import __version__
from harness.backup import manifest as manifests
from harness.backup.folders import LATEST, BackupFolders, expired
from harness.backup.manifest import BackupManifest
from harness.backup.options import Retention
from harness.backup.prefect_copy import PrefectDatabase, PrefectFile
from harness.backup.vault import Vault
from harness.errors import NoTablesError, StoreDamagedError, StoreError, UsageError
from harness.index.wholeness import damage
from harness.store.options import LOCK_TIMEOUT_SECONDS
from harness.store.protocol import VectorStore
from harness.store.snapshots import SnapshotFile, Step

logger = logging.getLogger(__name__)

NO_DATABASE = (
    "this backup's copy of Prefect's database is of another kind than the one in use; set or unset "
    "HARNESS_PREFECT_DATABASE_URL, or leave out --prefect"
)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that was made; ``removed`` are older ones that retention deleted.

    ``prefect_missing`` says in a sentence why there is no copy of Prefect's database in it although
    there should be one; empty when there is one, or nobody asked for it.

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
    prefect: PrefectFile | None = None
    prefect_missing: str = ""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """A backup that was restored, or only checked; ``samples`` vectors were compared.

    ``prefect`` is the copy of Prefect's database in it; ``prefect_restored`` whether that one was
    restored as well, and ``next_step`` what is to be done then.
    """

    name: str
    path: str
    engine: str
    created_at: str
    collections: int
    points: int
    samples: int
    seconds: float
    restored: bool
    prefect: PrefectFile | None = None
    prefect_restored: bool = False
    next_step: str = ""


class Backups:
    """All backups of one index; a context manager that closes the store.

    :param root: folder with the backups; with a vault, one on this machine in which they are made.
    :param vault: keeps the backups in the folder's place.
    :param store: the index.
    :param prefect: Prefect's database, None where it is somebody else's business.
    :param lock_timeout_seconds: how long to wait for another backup or restore.
    """

    def __init__(
        self,
        root: Path,
        store: VectorStore,
        *,
        prefect: PrefectDatabase | None = None,
        vault: Vault | None = None,
        retention: Retention = Retention(),  # noqa: B008 - frozen
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self.folders = BackupFolders(root, lock_timeout_seconds)
        self._store = store
        self._snapshots = store.snapshots()
        self._prefect = prefect
        self._vault = vault
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
            self._clear_folder()
            if self._vault:
                self._vault.clear_leftovers(datetime.now(UTC))
            try:
                taken = self._vault.names() if self._vault else []
                partial = self.folders.begin(datetime.now(UTC), taken)
                folder, manifest, missing = self._write(partial, step)
                if self._vault:
                    self._vault.keep(folder, step)
            except OSError as error:
                raise StoreError(
                    f"cannot write the backup ({error.strerror or error}); check the space of "
                    f"{self.folders.root}"
                ) from error
            finally:  # half a backup must not take up the disk until the next run
                self._clear_folder()
            kept: Vault | BackupFolders = self._vault or self.folders
            # Those of before may hold the only copy of a database that has been lost.
            removed = [] if missing else expired(kept.names(), self._retention)
            kept.remove(removed)
        collections = [file.collection for file in manifest.files if file.holds_chunks]
        return BackupReport(
            name=folder.name,
            path=self._location(folder),
            engine=manifest.engine,
            created_at=manifest.created_at,
            alias=collections[0] if len(collections) == 1 else None,
            bytes=manifest.bytes,
            points=manifest.points,
            seconds=round(time.monotonic() - began, 2),
            files=manifest.files,
            removed=tuple(removed),
            prefect=manifest.prefect,
            prefect_missing=missing,
        )

    def _write(self, partial: Path, step: Step) -> tuple[Path, BackupManifest, str]:
        """:returns: the finished backup, and why Prefect's database is missing in it."""
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        step("looking for damage")
        self._require_whole()
        files = self._snapshots.capture(partial, step)
        prefect, missing = None, ""
        try:
            prefect = self._prefect.capture(partial, step) if self._prefect else None
        except NoTablesError as error:
            missing = f"{error}; this backup is without it, and no earlier one was removed"
            logger.warning("%s", missing)
        manifest = BackupManifest(
            schema_version=manifests.SCHEMA_VERSION,
            created_at=created_at,
            engine=self._store.engine,
            harness_version=__version__,
            files=files,
            prefect=prefect,
        )
        manifests.write(partial, manifest)
        step("verifying")
        manifests.verify_files(partial, manifests.read(partial))
        return self.folders.publish(partial), manifest, missing

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

    def restore(
        self, name: str = LATEST, step: Step = logger.info, *, with_prefect: bool = False
    ) -> RestoreReport:
        """Replace the index with a backup; everything is verified before anything is touched.

        :param with_prefect: Prefect's database, too, whose server must not run where it is local.
        :raises UsageError: there is no such backup, or it is of another engine, or has no database
            that could be restored here.
        :raises StackError: the local server runs.
        :raises StoreError: the backup is damaged or too new; the index is left as it was.
        """
        if not with_prefect:
            return self._use(name, step, restored=True)
        if self._prefect is None:
            raise UsageError(NO_DATABASE)
        with self._prefect.ready():
            return self._use(name, step, restored=True, with_prefect=True)

    def verify_restore(self, name: str = LATEST, step: Step = logger.info) -> RestoreReport:
        """Restore beside the index and Prefect's database, compare, and remove it again.

        :raises UsageError: there is no such backup, or it is of another engine.
        :raises StoreError: it would not restore to what was backed up.
        """
        return self._use(name, step, restored=False)

    def _use(
        self, name: str, step: Step, *, restored: bool, with_prefect: bool = False
    ) -> RestoreReport:
        began = time.monotonic()
        next_step = ""
        with self.folders.exclusive(), self._opened(name, step) as folder:
            manifest = manifests.read(folder)
            if manifest.engine != self._store.engine:
                raise UsageError(
                    f"backup {folder.name} is of the engine {manifest.engine}, but the one in use "
                    f"is {self._store.engine}; set or unset QDRANT_HOST, or index again"
                )
            manifests.require_index(manifest)
            database = self._database(manifest, required=with_prefect)
            step("verifying checksums")
            manifests.verify_files(folder, manifest)
            try:
                if database and manifest.prefect and (with_prefect or not restored):
                    database.rehearse(folder, manifest.prefect, step)
                act = self._snapshots.restore if restored else self._snapshots.rehearse
                act(folder, manifest.files, step)
                if with_prefect and database and manifest.prefect:
                    next_step = database.restore(folder, manifest.prefect, step)
            except OSError as error:
                raise StoreError(
                    f"cannot restore ({error.strerror or error}); check the disk's space"
                ) from error
        return RestoreReport(
            name=folder.name,
            path=self._location(folder),
            engine=manifest.engine,
            created_at=manifest.created_at,
            collections=sum(bool(file.collection) for file in manifest.files),
            points=manifest.points,
            samples=sum(len(file.samples) for file in manifest.files),
            seconds=round(time.monotonic() - began, 2),
            restored=restored,
            prefect=manifest.prefect,
            prefect_restored=with_prefect,
            next_step=next_step,
        )

    @contextmanager
    def _opened(self, name: str, step: Step) -> Iterator[Path]:
        """The folder of a backup, fetched if it is kept elsewhere; only while exclusive."""
        self._clear_folder()
        if self._vault is None:
            yield self.folders.find(name)
            return
        with self._vault.fetched(self._vault.find(name), self.folders.root, step) as folder:
            yield folder

    def _clear_folder(self) -> None:
        """Remove what killed runs left; with a vault, all that is in the folder."""
        self.folders.clear_leftovers(self._snapshots.clean)
        if self._vault:
            self.folders.remove(self.folders.names())

    def _location(self, folder: Path) -> str:
        return self._vault.location(folder.name) if self._vault else str(folder)

    def _database(self, manifest: BackupManifest, *, required: bool) -> PrefectDatabase | None:
        """What restores the copy of Prefect's database in a backup, if that can be done here.

        :raises UsageError: it was asked for and cannot.
        """
        copied = manifest.prefect
        if copied and self._prefect and copied.kind == self._prefect.kind:
            return self._prefect
        if required and copied is None:
            raise UsageError(
                "this backup has no copy of Prefect's database; leave out --prefect, or choose "
                "another backup"
            )
        if required:
            raise UsageError(NO_DATABASE)
        return None
