"""Where things are kept: on this machine, and in object storage."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from harness.backup.options import Retention
from harness.home import default_data_dir
from harness.settings.base import HomePath, Settings

_RETENTION = Retention()


class DataSettings(Settings):
    """Where things are kept on this machine."""

    data_dir: HomePath = Field(
        default_factory=default_data_dir,
        validation_alias="HARNESS_DATA_DIR",
        description="Index, clones, results and the local Prefect database. Default: the "
        "platform's user data directory.",
    )
    repos_root: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_REPOS_ROOT",
        description="Folder whose repositories the nightly run indexes. Unset: none.",
    )
    backup_dir: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_DIR",
        description="Where backups go. Unset: `backups` under the data directory.",
    )
    results_dir: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_DIR",
        description="Where agent results go. Unset: `results` under the data directory.",
    )
    credentials_dir: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_CREDENTIALS_DIR",
        description="Folder of credentials for git servers, a folder each (docs/repositories.md). "
        "Unset: `credentials` under the data directory.",
    )
    repositories_file: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_REPOSITORIES_FILE",
        description="The team's list of repositories (docs/repositories.md), which the nightly run "
        "takes into the registry first. Unset: none.",
    )
    keep_results_days: int = Field(
        default=30,
        ge=0,
        validation_alias="HARNESS_KEEP_RESULTS_DAYS",
        description="Agent results older than this are removed every night (days); 0: never.",
    )

    @property
    def results(self) -> Path:
        """Where agent results go, set or not."""
        return self.results_dir or self.data_dir / "results"

    @property
    def credentials(self) -> Path:
        """Where credentials for git servers are, set or not."""
        return self.credentials_dir or self.data_dir / "credentials"

    @property
    def backups(self) -> Path:
        """Where backups go, set or not."""
        return self.backup_dir or self.data_dir / "backups"


class BackupSettings(Settings):
    """What is in backups and how long they are kept; the newest always is kept."""

    keep_daily: int = Field(
        default=_RETENTION.keep_daily,
        ge=0,
        validation_alias="HARNESS_BACKUP_KEEP_DAILY",
        description="For how many days the newest backup of each is kept.",
    )
    keep_weekly: int = Field(
        default=_RETENTION.keep_weekly,
        ge=0,
        validation_alias="HARNESS_BACKUP_KEEP_WEEKLY",
        description="For how many weeks the newest backup of each is kept.",
    )

    url: str | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_URL",
        description="Object storage that keeps the backups (`s3://bucket/prefix`; the extra `s3`); "
        "credentials as for AWS' own tools. Unset: HARNESS_BACKUP_DIR.",
    )
    endpoint: str | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_ENDPOINT",
        description="Address of that storage (`https://storage.example.org:9000`). Unset: AWS.",
    )
    key: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_KEY",
        description="Key that encrypts backups, base64 of 32 bytes (`openssl rand -base64 32`); "
        "further lines are former keys. Unset: HARNESS_BACKUP_KEY_FILE.",
    )
    key_file: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_BACKUP_KEY_FILE",
        description="File with that key. Unset, without HARNESS_BACKUP_KEY: backups are not "
        "encrypted.",
    )
    prefect_database_url: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_PREFECT_DATABASE_URL",
        description="The Prefect server's Postgres database as that server has it "
        "(`postgresql+asyncpg://user:password@host/database`), to back it up. Unset: the local "
        "server's SQLite file.",
    )

    def retention(self) -> Retention:
        """What the backups are told."""
        return Retention(self.keep_daily, self.keep_weekly)


class ResultsSettings(Settings):
    """Where the results of flow runs' tasks are kept in place of HARNESS_RESULTS_DIR."""

    url: str | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_URL",
        description="Object storage that keeps what `agent-task` yields (`s3://bucket/prefix`; the "
        "extra `s3`); credentials as for AWS' own tools. Unset: HARNESS_RESULTS_DIR.",
    )
    endpoint: str | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_ENDPOINT",
        description="Address of that storage (`https://storage.example.org:9000`). Unset: AWS.",
    )
    key: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_KEY",
        description="Key that encrypts results there, as HARNESS_BACKUP_KEY does backups; not the "
        "same one. Unset: HARNESS_RESULTS_KEY_FILE.",
    )
    key_file: HomePath | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_KEY_FILE",
        description="File with that key. Unset, without HARNESS_RESULTS_KEY: results are not "
        "encrypted.",
    )
    access_key_id: str | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_ACCESS_KEY_ID",
        description="Credentials of that storage where AWS' own variables hold those of another "
        "one, of the backups' for example. Unset: as for AWS' own tools.",
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        validation_alias="HARNESS_RESULTS_SECRET_ACCESS_KEY",
        description="The secret that belongs to HARNESS_RESULTS_ACCESS_KEY_ID.",
    )
