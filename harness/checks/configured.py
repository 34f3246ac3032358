"""Which checks the settings call for."""

from __future__ import annotations

from functools import partial

from harness.checks import local, ollama, prefect, qdrant, service, storage
from harness.checks.running import Check
from harness.configured import (
    backup_storage,
    open_embedder,
    open_service,
    open_store,
    results_storage,
)
from harness.environment import unknown_variables
from harness.errors import HarnessError
from harness.settings import (
    AgentSettings,
    BackupSettings,
    ChecksSettings,
    ClientSettings,
    DataSettings,
    IndexSettings,
    OllamaSettings,
    PrefectSettings,
    QdrantSettings,
    ResultsSettings,
    load,
)

_SETTINGS_REMEDY = "correct or unset it; docs/settings.md lists all"
_DATA_REMEDY = "set HARNESS_DATA_DIR to a folder you can write to, with some space"
_BACKUP_REMEDY = "set HARNESS_BACKUP_DIR to a folder you can write to, with some space"
_RESULTS_REMEDY = "set HARNESS_RESULTS_DIR to a folder you can write to, with some space"

_STORAGE_REMEDY = "check its address, credentials and network (docs/backup.md, docs/agent.md)"


_FOLDERS_ELSEWHERE = [
    Check(name, lambda: (None, "its volume is not in this pod (HARNESS_CHECK_FOLDERS)", ""))
    for name in ("backup directory", "results directory", "repositories root")
]


def configured_checks() -> list[Check]:
    """The checks, in the order they are shown. Never raises: bad settings are a failed check."""
    try:
        data, ollama_settings = load(DataSettings), load(OllamaSettings)
        agent, client = load(AgentSettings), load(ClientSettings)
        prefect_settings = load(PrefectSettings)
        looks_at = load(ChecksSettings)
        storages = _storages(looks_at)
        load(IndexSettings), load(QdrantSettings)  # read again when the store is opened
    except HarnessError as error:
        message = str(error)
        return [Check("settings", lambda: (False, message, "correct the variable named"))]
    secret = prefect_settings.auth_string
    auth = secret.get_secret_value() if secret else None
    return [
        Check("settings", partial(local.variables, unknown_variables()), _SETTINGS_REMEDY),
        Check("git", local.git),
        Check("data directory", partial(local.writable, data.data_dir), _DATA_REMEDY),
        *(_folders(data) if looks_at.folders else _FOLDERS_ELSEWHERE),
        *storages,
        Check("credentials", partial(local.credentials, data.credentials)),
        Check(
            "isolation of commands",
            partial(local.isolation, agent.command_isolation, agent.command_network),
        ),
        *service.checks(client.url, open_service),
        *ollama.checks(ollama_settings.options(), agent.protocol, open_embedder),
        *qdrant.checks(open_store, open_embedder),
        *prefect.checks(data.data_dir, prefect_settings.api_url, auth, prefect_settings.work_pool),
    ]


def _folders(data: DataSettings) -> list[Check]:
    return [
        Check("backup directory", partial(local.writable, data.backups), _BACKUP_REMEDY),
        Check("results directory", partial(local.writable, data.results), _RESULTS_REMEDY),
        Check("repositories root", partial(local.repositories_root, data.repos_root)),
    ]


def _storages(looks_at: ChecksSettings) -> list[Check]:
    """Of the object storages that are set: most machines have none."""
    found = (
        ("backups", load(BackupSettings).url, backup_storage),
        ("results", load(ResultsSettings).url, results_storage),
    )
    return [
        Check(
            f"storage of {what}",
            partial(storage.answers, partial(opens, attempts=storage.ATTEMPTS))
            if looks_at.storage in ("all", what)
            else storage.elsewhere,
            _STORAGE_REMEDY,
        )
        for what, url, opens in found
        if url
    ]
