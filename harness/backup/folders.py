"""The folder with all backups: names, lock, leftovers, retention.

A backup is a folder named by its UTC time. It is written as ``.partial-…`` and renamed when it is
complete, so that a folder with a proper name is always whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import filelock

from harness.backup.options import Retention
from harness.errors import StoreBusyError, StoreError, UsageError
from harness.files import private_folder, sync

LATEST = "latest"
_PARTIAL = ".partial-"
_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-\d+)?")


class BackupFolders:
    """All backups below ``root``, which is created with mode 0700.

    :param lock_timeout_seconds: how long to wait for another backup or restore.
    """

    def __init__(self, root: Path, lock_timeout_seconds: float) -> None:
        self.root = root
        self._lock_timeout_seconds = lock_timeout_seconds

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the folder's lock: one backup, restore or check at a time.

        The kernel releases it however the process ends.

        :raises StoreBusyError: another one held it for the whole time-out.
        :raises StoreError: the folder cannot be written.
        """
        try:
            private_folder(self.root)
            lock = filelock.FileLock(self.root / ".lock", thread_local=False, mode=0o600)
            lock.acquire(timeout=self._lock_timeout_seconds, poll_interval=0.05)
        except filelock.Timeout:
            raise StoreBusyError(
                f"another backup or restore is using {self.root}; wait for it or end it"
            ) from None
        except OSError as error:
            raise StoreError(
                f"cannot write to {self.root} ({error.strerror}); set HARNESS_BACKUP_DIR to a "
                "folder that can be written"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def names(self) -> list[str]:
        """Complete backups, oldest first."""
        if not self.root.is_dir():
            return []
        found = [path.name for path in self.root.iterdir() if path.is_dir()]
        return in_order(name for name in found if _NAME.fullmatch(name))

    def find(self, name: str) -> Path:
        """The folder of a backup; ``latest`` names the newest.

        :raises UsageError: there is none of that name.
        """
        names = self.names()
        if name == LATEST and names:
            return self.root / names[-1]
        if name not in names:
            known = ", ".join(names[-5:]) or "none"
            raise UsageError(f"no backup {name!r} in {self.root}; there is: {known}")
        return self.root / name

    def clear_leftovers(self, before: Callable[[Path], None]) -> None:
        """Remove what killed runs left; call it only while :meth:`exclusive`.

        :param before: called with each folder that is going to be removed.
        """
        for path in self.root.glob(f"{_PARTIAL}*"):
            before(path)
            shutil.rmtree(path, ignore_errors=True)

    def begin(self, now: datetime, taken: Sequence[str] = ()) -> Path:
        """A new, private, partial folder.

        :param taken: names that are in use elsewhere.
        """
        base = now.astimezone(UTC).strftime(_TIME)
        name, number = base, 1
        while name in taken or (self.root / name).exists():
            number += 1
            name = f"{base}-{number}"
        return private_folder(self.root / f"{_PARTIAL}{name}", new=True)

    def publish(self, folder: Path) -> Path:
        """Give a partial folder, whose files are on disk, its proper name; durable on return."""
        sync(folder)
        complete = folder.rename(self.root / folder.name.removeprefix(_PARTIAL))
        sync(self.root)
        return complete

    def remove(self, names: Sequence[str]) -> None:
        """Delete backups. A run that is killed half-way leaves a partial folder for the next."""
        for name in names:
            condemned = (self.root / name).rename(self.root / f"{_PARTIAL}{name}")
            shutil.rmtree(condemned, ignore_errors=True)


def expired(names: Sequence[str], retention: Retention) -> list[str]:
    """Those of these backups that are no longer kept, oldest first; days and weeks are UTC's."""
    newest_first = sorted(names, key=_order, reverse=True)
    days: dict[str, str] = {}
    weeks: dict[tuple[int, int], str] = {}
    for name in newest_first:
        day = name[:8]
        calendar = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).isocalendar()
        days.setdefault(day, name)
        weeks.setdefault((calendar.year, calendar.week), name)
    kept = {*newest_first[:1], *list(days.values())[: retention.keep_daily]}
    kept |= set(list(weeks.values())[: retention.keep_weekly])
    return sorted(set(names) - kept, key=_order)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of backups, oldest first."""
    return sorted(names, key=_order)


def made_at(name: str) -> datetime | None:
    """When the backup of this name was made; None: it is no backup's name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
    except ValueError:  # the 99th of a month
        return None


def _order(name: str) -> tuple[str, int]:
    """By time, then by number: ``-10`` after ``-9``."""
    time, _, number = name.partition("-")
    return time, int(number or 1)
