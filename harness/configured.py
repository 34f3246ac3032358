"""Opens what the settings name: embedder, store, backups, chat model, agent.

The choice is made by the environment, explicitly, and in this one place. Everything is imported
when it is opened: a search loads no agent, and an agent no chunker.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.engines import Engines
from harness.errors import (
    HarnessError,
    InvalidSettingError,
    ModelMissingError,
    PolicyError,
    UsageError,
)
from harness.files import private_folder
from harness.home import from_home
from harness.settings import (
    AgentSettings,
    BackupSettings,
    ClientSettings,
    DataSettings,
    IndexSettings,
    OllamaSettings,
    PrefectSettings,
    QdrantSettings,
    ResultsSettings,
    ServiceSettings,
    StackSettings,
    load,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.agent import Envelope, TurnCache
    from harness.agent.events import OnEvent
    from harness.agent.options import StrategyChoice
    from harness.agent.tools.access import Approve, Mapped, Search
    from harness.answers.assistant import Assistant
    from harness.backup.operations import Backups
    from harness.backup.prefect_copy import PrefectDatabase
    from harness.backup.results import KeptResults
    from harness.backup.s3 import S3Objects
    from harness.backup.sealing import Keys
    from harness.backup.vault import Vault
    from harness.index.opened import Opened
    from harness.models.protocols import ChatModel, Embedder
    from harness.repository.remotes import Remote
    from harness.service.tokens import Tokens
    from harness.service_client import ServiceClient
    from harness.stack.api import PrefectApi
    from harness.stack.servers import Server
    from harness.store.protocol import VectorStore
    from harness.types import Hit, RepositoryRecord

logger = logging.getLogger(__name__)

STATIC_MODEL = "harness-static"
MINILM_MODEL = "all-minilm-l6-v2-int8"
"""Names in manifests, in small letters; kept here so that neither model is imported to compare."""

NO_MODEL = (
    "no chat model is configured; set OLLAMA_HOST (and CHAT_MODEL), for example "
    "export OLLAMA_HOST=http://localhost:11434"
)


def open_engines() -> Engines:
    """Build the configured engines. Models load on first use, not here.

    :raises InvalidSettingError: a setting cannot be used.
    :raises StoreError: the data directory cannot be written.
    :raises ServiceUnavailableError: a configured Qdrant server does not answer.
    """
    return Engines(
        embedder=open_embedder(),
        store=open_store(),
        data_dir=load(DataSettings).data_dir,
        open_other=open_other_embedder,
    )


def open_embedder(settings: OllamaSettings | None = None) -> Embedder:
    """One of the models in the process when ``EMBED_MODEL`` names it, else Ollama's when a host is
    set, else the static one.

    :param settings: None reads them from the environment.
    :raises InvalidSettingError: the host cannot be used.
    :raises ModelMissingError: the named model is in an extra that is not installed.
    """
    settings = settings or load(OllamaSettings)
    named = _in_process(settings.embed_model.strip().lower())
    if named is not None:
        return named
    if settings.host:
        from harness.models.ollama.embedder import OllamaEmbedder

        return OllamaEmbedder(settings.options())
    from harness.models.static.embedder import StaticEmbedder

    return StaticEmbedder()


def _in_process(name: str) -> Embedder | None:
    """The embedder in the process of that name, as in ``EMBED_MODEL`` or in an index's manifest."""
    if name in ("static", STATIC_MODEL):
        from harness.models.static.embedder import StaticEmbedder

        return StaticEmbedder()
    if name in ("minilm", MINILM_MODEL):
        from harness.models.minilm.embedder import MiniLmEmbedder, require

        require()
        return MiniLmEmbedder()
    return None


def open_other_embedder(engine: str, model: str) -> Embedder | None:
    """The embedder that made an index, when it can be had here; see
    :data:`harness.engines.OpenEmbedder`."""
    if engine == "embedded":
        try:
            return _in_process(model.lower())
        except ModelMissingError as error:
            logger.info("%s made this index: %s", model, error)
            return None
    settings = load(OllamaSettings)
    if engine == "ollama" and settings.host:
        return open_embedder(settings.model_copy(update={"embed_model": model}))
    return None


def open_store() -> VectorStore:
    """A Qdrant server when one is set, else Edge under the data directory.

    :raises InvalidSettingError: the address cannot be used.
    :raises StoreError: the data directory cannot be written, or the API key is refused.
    :raises ServiceUnavailableError: a configured Qdrant server does not answer.
    """
    from harness.store import opening
    from harness.store.options import EdgeOptions

    qdrant = load(QdrantSettings)
    if qdrant.url or qdrant.host:
        return opening.open_store(qdrant.options())
    folder = load(DataSettings).data_dir / "index"
    return opening.open_store(EdgeOptions(folder, load(IndexSettings).lock_timeout_seconds))


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


def has_chat_model() -> bool:
    """Whether a chat model server is configured; it is not asked."""
    return bool(load(OllamaSettings).host)


def open_chat_model(name: str | None = None) -> ChatModel:
    """The configured chat model.

    :param name: another model of the same server.
    :raises ModelMissingError: none is configured.
    :raises InvalidSettingError: OLLAMA_HOST cannot be used.
    """
    settings = load(OllamaSettings)
    if not settings.host:
        raise ModelMissingError(NO_MODEL)
    from harness.models.ollama.chat import OllamaChatModel

    if name:
        settings = settings.model_copy(update={"chat_model": name})
    return OllamaChatModel(settings.options())


def open_assistant(
    results_dir: Path,
    model: str | None = None,
    *,
    approve: Approve | None = None,
    turn_cache: TurnCache | None = None,
    strategy: StrategyChoice | None = None,
) -> Assistant:
    """Read the settings of the agent.

    :param results_dir: where the files of its runs go.
    :param model: None takes the configured one.
    :param approve: asked before a command runs.
    :param strategy: None takes the configured one.
    :raises ModelMissingError: no chat model is configured.
    """
    from harness.agent.options import Limits, RunOptions
    from harness.answers.assistant import Assistant
    from harness.environment import command_environment, environment_secrets
    from harness.workspace.policy import CommandPolicy

    settings = load(AgentSettings)
    return Assistant(
        model=open_chat_model(model),
        limits=Limits(
            steps=settings.max_steps,
            wall_seconds=settings.task_timeout_seconds,
            total_tokens=settings.max_tokens,
        ),
        options=RunOptions(
            protocol=settings.protocol,
            strategy=strategy or settings.strategy,
            policy=CommandPolicy(
                timeout_seconds=settings.command_timeout_seconds,
                network=settings.command_network,
                least_isolation=settings.command_isolation,
                environment=command_environment(),
                hidden=_hidden_folders(),
            ),
            secrets=environment_secrets(),
            approve=approve,
            turn_cache=turn_cache,
        ),
        results_dir=results_dir,
    )


def _hidden_folders() -> tuple[str, ...]:
    """What no command of the agent sees, wherever it lies: what Harness keeps."""
    data = load(DataSettings)
    kept = (data.data_dir, data.results, data.backups, data.credentials)
    files = (load(BackupSettings).key_file, load(ResultsSettings).key_file)
    return tuple(str(path) for path in (*kept, *files) if path)


def run_configured_task(
    text: str,
    repository: Opened,
    results_dir: Path,
    *,
    verify: str | None = None,
    model: str | None = None,
    approve: Approve | None = None,
    turn_cache: TurnCache | None = None,
    on_event: OnEvent | None = None,
    strategy: StrategyChoice | None = None,
) -> Envelope:
    """Carry out a task with the configured model, and with the index when it is in it.

    :raises ModelMissingError: no chat model is configured.
    :raises UsageError: as :func:`harness.agent.tasks.run_task`.
    """
    from harness.agent.tasks import run_task

    with (
        open_assistant(
            results_dir, model, approve=approve, turn_cache=turn_cache, strategy=strategy
        ) as assistant,
        index_of(repository.record) as (repo, search, mapped),
    ):
        return run_task(
            text,
            repository.root,
            assistant.model,
            verify=verify,
            ref=repository.ref,
            search=search,
            mapped=mapped,
            repo=repo,
            limits=assistant.limits,
            on_event=on_event,
            results_dir=results_dir,
            options=assistant.options,
        )


def open_tokens() -> Tokens:
    """The tokens of the service."""
    from harness.service.tokens import Tokens

    file = load(ServiceSettings).tokens
    return Tokens(file or load(DataSettings).data_dir / "service" / "tokens.json")


def open_service() -> ServiceClient | None:
    """The team's service, if the command line is to ask it; None: this machine's index.

    :raises InvalidSettingError: its address or token cannot be used.
    """
    settings = load(ClientSettings)
    if not settings.url:
        return None
    from harness.service_client import ServiceClient

    return ServiceClient(
        settings.url, settings.token.get_secret_value() if settings.token else None
    )


def prefect_apis() -> Callable[[], PrefectApi]:
    """What returns the Prefect server to use now: the one that is set, else the local one, which
    may be started later, or again with another password."""
    from harness.stack.servers import expected_server

    data_dir = load(DataSettings).data_dir
    prefect, port = load(PrefectSettings), load(StackSettings).port
    auth = prefect.auth_string.get_secret_value() if prefect.auth_string else None
    known: dict[Server, PrefectApi] = {}

    def api() -> PrefectApi:
        server = expected_server(data_dir, prefect.api_url, auth, prefect.work_pool, port)
        if server not in known:
            known.clear()
            # Kept, because a server with CSRF protection gives each new one a token first.
            known[server] = server.api(read_attempts=1)
        return known[server]

    return api


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


@contextmanager
def opened_repository(name_or_source: str, ref: str | None = None) -> Iterator[Opened]:
    """Open a repository to work on; see :func:`harness.index.opened.opened_repository`.

    :raises UsageError: it is no folder, no URL and no repository of the catalog.
    :raises HarnessError: it cannot be read.
    """
    from harness.index import opened

    data = load(DataSettings)
    try:
        with open_engines() as engines:
            records = engines.store.repositories()
    except HarnessError as error:
        if not from_home(name_or_source).is_dir():
            raise
        logger.info("no index: %s", error)
        records = []
    with opened.opened_repository(
        name_or_source,
        records,
        ref=ref,
        data_dir=data.data_dir,
        credentials_dir=data.credentials,
    ) as repository:
        yield repository


def check_push(repository: Opened) -> Remote:
    """See to it that a patch may be pushed, before there is one.

    :returns: where it goes.
    :raises PolicyError: HARNESS_ALLOW_PUSH is not set.
    :raises UsageError: the repository is a folder.
    :raises CredentialError: its credential is for reading.
    """
    from harness.workspace.branches import check_may_push

    if not load(AgentSettings).allow_push:
        raise PolicyError("pushing is not allowed here; HARNESS_ALLOW_PUSH=true allows it")
    if repository.remote is None:
        raise UsageError(
            f"{repository.root} is a folder, whose branches are yours to push; name a repository "
            "that is known by its URL (`harness repositories add URL`)"
        )
    check_may_push(repository.remote)
    return repository.remote


@contextmanager
def index_of(
    record: RepositoryRecord | None,
) -> Iterator[tuple[str, Search | None, Mapped | None]]:
    """The name under which a repository is indexed, the agent's ``semantic_search`` over it, and
    its map for a text; an empty name and None when it is not indexed."""
    if record is None or not record.collection:
        yield "", None, None
        return
    from harness.search import repository_map, retrieval

    with open_engines() as engines:

        def search(query: str, limit: int) -> Sequence[Hit]:
            return retrieval.search(query, engines, repo=record.name, limit=limit)

        def mapped(text: str) -> list[tuple[str, list[str]]]:
            found = repository_map.map_repository(engines, repo=record.name, focus=text)
            return [(file.path, [one.name for one in file.definitions]) for file in found.files]

        yield record.name, search, mapped
