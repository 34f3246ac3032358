"""Opens what carries out tasks: chat model, agent, repository."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.configured.engines import open_engines
from harness.errors import HarnessError, ModelMissingError, PolicyError, UsageError
from harness.home import from_home
from harness.settings import (
    AgentSettings,
    BackupSettings,
    DataSettings,
    OllamaSettings,
    ResultsSettings,
    load,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.agent import Envelope, TurnCache
    from harness.agent.events import OnEvent
    from harness.agent.options import StrategyChoice
    from harness.agent.tools.access import Approve, Mapped, Search
    from harness.answers.assistant import Assistant
    from harness.index.opened import Opened
    from harness.models.protocols import ChatModel
    from harness.repository.remotes import Remote
    from harness.types import Hit, RepositoryRecord

logger = logging.getLogger(__name__)
NO_MODEL = (
    "no chat model is configured; set OLLAMA_HOST (and CHAT_MODEL), for example "
    "export OLLAMA_HOST=http://localhost:11434"
)


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
