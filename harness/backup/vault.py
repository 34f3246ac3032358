"""Backups that are kept encrypted, in object storage, or both.

They are made and restored in a folder of this machine, as plain files; what is kept here is a copy
of each file, sealed when there are keys. The manifest is written last and removed first: a backup
is complete exactly as long as it has one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.backup import manifest as manifests
from harness.backup.folders import LATEST, in_order, made_at
from harness.backup.objects import Objects
from harness.backup.sealing import SUFFIX, Keys
from harness.errors import StoreError, UsageError
from harness.files import private_folder
from harness.store.snapshots import Step

logger = logging.getLogger(__name__)

_TEMPORARY = ".sealing"
# Half a backup of this age belongs to no run that is still under way: above every time limit.
_ABANDONED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Vault:
    """Where backups are kept.

    :param keys: None keeps plain files, and opens no sealed ones.
    """

    objects: Objects
    keys: Keys | None = None

    def location(self, name: str) -> str:
        """Where a backup is, for people."""
        return f"{self.objects.where}/{name}"

    def names(self) -> list[str]:
        """Complete backups, oldest first. With keys only sealed ones: whoever can write here could
        put a plain one in a sealed one's place."""
        return self._complete(self.objects.names())

    def find(self, name: str) -> str:
        """The name of a backup; ``latest`` names the newest.

        :raises UsageError: there is none of that name.
        """
        names = self.names()
        if name == LATEST and names:
            return names[-1]
        if name in names:
            return name
        known = ", ".join(names[-5:]) or "none"
        hint = "" if self.keys else "; encrypted ones need HARNESS_BACKUP_KEY_FILE"
        raise UsageError(f"no backup {name!r} in {self.objects.where}; there is: {known}{hint}")

    def keep(self, folder: Path, step: Step) -> None:
        """Keep a complete backup that lies in a folder of this machine.

        :raises StoreError: it could not be written, or not as it is.
        """
        manifest = manifests.read(folder)
        for file in (*manifests.file_names(manifest), manifests.NAME):
            step(f"keeping {file}")
            if self.keys is None:
                self.objects.put(f"{folder.name}/{file}", folder / file)
                continue
            sealed = folder / _TEMPORARY
            sealed.unlink(missing_ok=True)
            self.keys.seal(folder / file, sealed, f"{folder.name}/{file}")
            self.objects.put(f"{folder.name}/{file}{SUFFIX}", sealed)
            sealed.unlink()

    @contextmanager
    def fetched(self, name: str, root: Path, step: Step) -> Iterator[Path]:
        """A backup as plain files in a folder below ``root``, which is gone afterwards.

        :raises StoreError: it was changed, or is sealed with another key, or the disk is full.
        """
        folder = private_folder(root / name, new=True)
        try:
            try:
                self._fetch_all(name, folder, step)
            except OSError as error:
                raise StoreError(
                    f"cannot fetch {self.location(name)} ({error.strerror or error}); check the "
                    f"space of {root}"
                ) from error
            yield folder
        finally:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def remove(self, names: Sequence[str]) -> None:
        """Remove backups."""
        everything = self.objects.names()
        for name in names:
            self._remove(name, everything)

    def clear_leftovers(self, now: datetime) -> None:
        """Remove what killed runs left, a day later: another machine may be at work right now."""
        everything = self.objects.names()
        complete = set(self._complete(everything, of_any_kind=True))
        for name in {name.partition("/")[0] for name in everything} - complete:
            made = made_at(name)
            if made is not None and now.astimezone(UTC) - made > _ABANDONED:
                logger.info("removing %s, which was never completed", self.location(name))
                self._remove(name, everything)

    def _complete(self, everything: Sequence[str], *, of_any_kind: bool = False) -> list[str]:
        plain, sealed = manifests.NAME, manifests.NAME + SUFFIX
        markers = {plain, sealed} if of_any_kind else {sealed if self.keys else plain}
        found = {
            folder
            for folder, _, file in (name.partition("/") for name in everything)
            if file in markers and made_at(folder) is not None
        }
        return in_order(found)

    def _fetch_all(self, name: str, folder: Path, step: Step) -> None:
        self._fetch(name, manifests.NAME, folder, manifests.MAX_BYTES)
        for file, size in manifests.file_sizes(manifests.read(folder)).items():
            step(f"fetching {file}")
            self._fetch(name, file, folder, size)

    def _fetch(self, name: str, file: str, folder: Path, most_bytes: int) -> None:
        if self.keys is None:
            self.objects.get(f"{name}/{file}", folder / file, most_bytes)
            return
        sealed = folder / _TEMPORARY
        most_bytes = self.keys.sealed_bytes(most_bytes)
        try:
            self.objects.get(f"{name}/{file}{SUFFIX}", sealed, most_bytes)
            self.keys.unseal(sealed, folder / file, f"{name}/{file}")
        finally:
            sealed.unlink(missing_ok=True)

    def _remove(self, name: str, everything: Sequence[str]) -> None:
        mine = [known for known in everything if known.startswith(f"{name}/")]
        marker = f"{name}/{manifests.NAME}"
        self.objects.remove(sorted(mine, key=lambda known: not known.startswith(marker)))
