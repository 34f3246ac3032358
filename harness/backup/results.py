"""Results of the agent's runs (patch, report, record) where backups can go, too: in object storage,
sealed when there is a key. So a run needs no disk that outlives it.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.agent.retention import DAY_SECONDS, Removed, is_result_name
from harness.agent.turn_cache import DirectoryTurnCache
from harness.backup.objects import Objects
from harness.backup.sealing import SUFFIX, Keys
from harness.errors import HarnessError, StoreError, UsageError
from harness.files import private_folder
from harness.models.conversation import ChatTurn

logger = logging.getLogger(__name__)

# Names come from the storage, and become files here.
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_TURN = "turn-"
# What a patch, a report or a record never has, and all of a run's together; whoever can write to
# the storage could send more.
_MOST_BYTES = 1 << 30
_MOST_FILES = 1000


@dataclass(frozen=True, slots=True)
class KeptResult:
    """One run's results; ``changed_at`` is when the last file was written (seconds since the
    epoch). Turns of the model, which only the run itself needs, are not among ``files``."""

    name: str
    location: str
    files: tuple[str, ...]
    changed_at: float


@dataclass(frozen=True, slots=True)
class KeptResults:
    """Where results are kept.

    :param keys: None keeps plain files, and opens no sealed ones.
    :param scratch: a folder of this machine for files on their way.
    """

    objects: Objects
    keys: Keys | None
    scratch: Path

    def location(self, name: str) -> str:
        """Where a run's results are, for people."""
        return f"{self.objects.where}/{name}"

    def keep(self, folder: Path) -> None:
        """Keep the files of a run's folder, those of before replaced. Idempotent.

        :raises StoreError: one could not be written, or not as it is.
        :raises ServiceUnavailableError: the storage does not answer.
        """
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.is_symlink() and _FILE.fullmatch(path.name):
                self.put(folder.name, path.name, path)

    def listed(self) -> list[KeptResult]:
        """All results, those that were written last at the end."""
        found: dict[str, list[tuple[str, float]]] = {}
        for name, changed_at in self.objects.times().items():
            run, _, file = name.partition("/")
            if is_result_name(run):
                found.setdefault(run, []).append((file, changed_at))
        kept = [
            KeptResult(
                run,
                self.location(run),
                tuple(sorted(filter(None, (self._plain_name(file) for file, _ in files)))),
                max(changed_at for _, changed_at in files),
            )
            for run, files in found.items()
        ]
        return sorted(kept, key=lambda result: (result.changed_at, result.name))

    def fetch(self, name: str, target: Path) -> tuple[str, ...]:
        """Read a run's files into a new private folder.

        :returns: their names.
        :raises UsageError: there are none of this name, or the folder exists.
        :raises StoreError: one was changed, or is sealed with another key.
        """
        found = next((result for result in self.listed() if result.name == name), None)
        if found is None or not found.files:
            raise UsageError(
                f"no results {name!r} in {self.objects.where}; `harness results list` names them"
            )
        if len(found.files) > _MOST_FILES:
            raise StoreError(
                f"{found.location} has {len(found.files)} files, and no task yields more than "
                f"{_MOST_FILES}; it is not to be used"
            )
        try:
            private_folder(target, new=True)
        except FileExistsError:
            raise UsageError(f"{target} exists already; name another folder with --to") from None
        except OSError as error:
            raise UsageError(
                f"{target} cannot be made ({error.strerror}); name another folder with --to"
            ) from None
        left = _MOST_BYTES
        for file in found.files:
            self.get(name, file, target / file, left)
            left -= (target / file).stat().st_size
        return found.files

    def remove_old(self, keep_days: int, *, now: float) -> Removed:
        """Remove each result in which nothing was written for ``keep_days`` days.

        :param keep_days: 0 keeps everything.
        :param now: seconds since the epoch.
        """
        oldest = now - keep_days * DAY_SECONDS
        listed = self.listed()
        old = {r.name for r in listed if keep_days and r.changed_at < oldest}
        names = [name for name in self.objects.names() if name.partition("/")[0] in old]
        self.objects.remove(names)
        return Removed(len(old), len(listed) - len(old))

    def put(self, run: str, file: str, source: Path) -> None:
        """Keep one file; raises as :meth:`keep`."""
        name = f"{run}/{file}"
        if self.keys is None:
            self.objects.put(name, source)
            return
        with self._on_its_way() as sealed:
            self.keys.seal(source, sealed, name)
            self.objects.put(name + SUFFIX, sealed)

    def get(self, run: str, file: str, target: Path, most_bytes: int = _MOST_BYTES) -> None:
        """Read one file into a new private one; raises as :meth:`fetch`."""
        name = f"{run}/{file}"
        if self.keys is None:
            self.objects.get(name, target, most_bytes)
            return
        with self._on_its_way() as sealed:
            self.objects.get(name + SUFFIX, sealed, self.keys.sealed_bytes(most_bytes))
            self.keys.unseal(sealed, target, name)

    def _plain_name(self, file: str) -> str:
        """What a kept file is called here; empty for what is none of a run's results."""
        if (self.keys is not None) != file.endswith(SUFFIX):
            return ""
        name = file.removesuffix(SUFFIX)
        return name if _FILE.fullmatch(name) and not name.startswith(_TURN) else ""

    @contextmanager
    def _on_its_way(self) -> Iterator[Path]:
        private_folder(self.scratch)
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            yield Path(folder) / "sealed"


class KeptTurns:
    """See :class:`harness.agent.turn_cache.TurnCache`: turns beside the run's results, so that the
    run can be started again on another machine.

    :param folder: the run's folder on this machine.
    :param asks: whether the run was started before, so that turns may be kept elsewhere only.
    """

    def __init__(self, results: KeptResults, folder: Path, *, asks: bool) -> None:
        self._results, self._folder, self._asks = results, folder, asks
        self._near = DirectoryTurnCache(folder / "turns")

    def get(self, key: str) -> ChatTurn | None:
        """See the Protocol. A turn that cannot be read counts as missing."""
        turn = self._near.get(key)
        if turn is None and self._asks:
            private_folder(self._near.directory)
            path = self._near.directory / f"{key}.json"
            path.unlink(missing_ok=True)
            try:
                self._results.get(self._folder.name, f"{_TURN}{key}.json", path)
            except StoreError:  # there is none
                path.unlink(missing_ok=True)
                return None
            except HarnessError as error:
                logger.warning("an earlier turn of the model cannot be read (%s)", error)
                path.unlink(missing_ok=True)
                return None
            turn = self._near.get(key)
        return turn

    def put(self, key: str, turn: ChatTurn) -> None:
        """See the Protocol. A run goes on when a turn cannot be kept: it is needed only after the
        loss of its machine."""
        self._near.put(key, turn)
        path = self._near.directory / f"{key}.json"
        try:
            self._results.put(self._folder.name, f"{_TURN}{key}.json", path)
        except HarnessError as error:
            logger.warning("a turn of the model is kept on this machine only (%s)", error)
