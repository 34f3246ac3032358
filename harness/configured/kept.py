"""Opens what keeps backups and the results of tasks."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.configured.engines import open_store
from harness.errors import InvalidSettingError
from harness.files import private_folder
from harness.settings import BackupSettings, DataSettings, IndexSettings, ResultsSettings, load

if TYPE_CHECKING:
    from harness.agent import TurnCache
    from harness.backup.operations import Backups
    from harness.backup.prefect_copy import PrefectDatabase
    from harness.backup.results import KeptResults
    from harness.backup.s3 import S3Objects
    from harness.backup.sealing import Keys
    from harness.backup.vault import Vault


def open_backups() -> Backups:
    """Backups of the configured index. Raises as :func:`open_store`.

    :raises InvalidSettingError: a key or an address cannot be used; nothing is then kept in clear.
    """
    from harness.backup.operations import Backups

    backup, data = load(BackupSettings), load(DataSettings)
    # Before the store is opened: what cannot be used is said first.
    vault, prefect = _vault(), _prefect_database(backup, data)
    return Backups(
        data.data_dir / "backup-work" if vault else data.backups,
        open_store(),
        prefect=prefect,
        vault=vault,
        retention=backup.retention(),
        lock_timeout_seconds=load(IndexSettings).lock_timeout_seconds,
    )


def _vault() -> Vault | None:
    """What keeps the backups in place of a folder of plain files; None: nothing does.

    :raises InvalidSettingError: as :func:`open_backups`.
    """
    backup, data = load(BackupSettings), load(DataSettings)
    keys = _keys(backup, "HARNESS_BACKUP_KEY")
    if not keys and not backup.url:
        return None
    from harness.backup.vault import Vault

    storage = backup_storage()
    if storage is not None:
        return Vault(storage, keys)
    from harness.backup.objects import FolderObjects

    return Vault(FolderObjects(data.backups), keys)


def backup_storage(**options: Any) -> S3Objects | None:
    """The object storage of backups; None: there is none.

    :param options: ``attempts`` of :class:`harness.backup.s3.S3Objects`.
    :raises InvalidSettingError: its address cannot be used.
    """
    backup = load(BackupSettings)
    if not backup.url:
        return None
    from harness.backup.s3 import S3Objects

    return S3Objects(backup.url, backup.endpoint, **options)


def results_storage(**options: Any) -> S3Objects | None:
    """The object storage of tasks' results; None: there is none.

    :param options: as for :func:`backup_storage`.
    :raises InvalidSettingError: its address or its credentials cannot be used.
    """
    results = load(ResultsSettings)
    if not results.url:
        return None
    from harness.backup.s3 import Login, S3Objects

    key_id, secret = results.access_key_id, results.secret_access_key
    if bool(key_id) != bool(secret):
        raise InvalidSettingError(
            "HARNESS_RESULTS_ACCESS_KEY_ID and HARNESS_RESULTS_SECRET_ACCESS_KEY belong together; "
            "set both, or neither"
        )
    login = Login(key_id, secret.get_secret_value()) if key_id and secret else None
    return S3Objects(
        results.url, results.endpoint, setting="HARNESS_RESULTS", login=login, **options
    )


def open_results() -> KeptResults:
    """What keeps the results of tasks: a folder of this machine, unless the settings name an object
    storage.

    :raises InvalidSettingError: a key or an address cannot be used; nothing is then kept in clear.
    """
    from harness.backup.results import KeptResults

    results, data = load(ResultsSettings), load(DataSettings)
    keys = _keys(results, "HARNESS_RESULTS_KEY")
    storage = results_storage()
    if storage is not None:
        return KeptResults(storage, keys, data.data_dir / "results-work")
    if keys:
        raise InvalidSettingError(
            "HARNESS_RESULTS_KEY encrypts results in object storage only; set "
            "HARNESS_RESULTS_URL, or unset the key"
        )
    from harness.backup.objects import FolderObjects

    return KeptResults(FolderObjects(data.results), None, data.data_dir)


def results_location(folder: Path) -> str:
    """Where the results of a flow run are kept, for people.

    :param folder: of the run, on this machine.
    :raises InvalidSettingError: as :func:`open_results`.
    """
    return open_results().location(folder.name)


def keep_results(folder: Path) -> None:
    """Keep the results of a flow run where the settings say; nothing to do for a folder.

    :raises StoreError: they could not be written, or not as they are.
    :raises ServiceUnavailableError: the storage does not answer.
    """
    if load(ResultsSettings).url and folder.is_dir():
        open_results().keep(folder)


def turns_of(folder: Path, *, started_before: bool) -> TurnCache:
    """Turns of the model that outlive the machine of a flow run.

    :param folder: of the run, on this machine.
    """
    if not load(ResultsSettings).url:
        from harness.agent.turn_cache import DirectoryTurnCache

        return DirectoryTurnCache(folder / "turns")
    from harness.backup.results import KeptTurns

    return KeptTurns(open_results(), folder, asks=started_before)


def _keys(settings: BackupSettings | ResultsSettings, variable: str) -> Keys | None:
    """What encrypts; None: nothing does.

    :raises InvalidSettingError: the key cannot be read.
    """
    if settings.key is None and settings.key_file is None:
        return None
    from harness.backup.sealing import parse_keys

    text = settings.key.get_secret_value() if settings.key else ""
    if not text and settings.key_file:
        try:
            text = settings.key_file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise InvalidSettingError(
                f"{variable}_FILE: {settings.key_file} cannot be read; without the key nothing is "
                "kept"
            ) from None
    return parse_keys(text, variable)


def _prefect_database(backup: BackupSettings, data: DataSettings) -> PrefectDatabase:
    if backup.prefect_database_url:
        from harness.backup.prefect_postgres import PostgresDatabase

        return PostgresDatabase(backup.prefect_database_url.get_secret_value())
    from harness.backup.prefect_sqlite import SqliteDatabase

    return SqliteDatabase(data.data_dir)


def results_folder(name: str) -> Path:
    """A new folder for one run's files: results directory, time, name, a few random digits.

    :raises InvalidSettingError: the results directory cannot be written; before any model is asked.
    """
    base = load(DataSettings).results
    try:
        private_folder(base)
    except OSError as error:
        raise InvalidSettingError(_unwritable(base, error.strerror)) from error
    if not os.access(base, os.W_OK | os.X_OK):
        raise InvalidSettingError(_unwritable(base, "no permission"))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return base / f"{stamp}-{name}-{os.urandom(3).hex()}"


def _unwritable(base: Path, reason: str | None) -> str:
    return (
        f"results cannot be written to {base} ({reason}); "
        "set HARNESS_RESULTS_DIR to a folder you can write to"
    )
