"""Puts the agent to work with what is configured: model, index, limits, results folder.

What ``harness ask``, ``harness task``, ``harness chat`` and the flow ``agent-task`` share.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError, InvalidSettingError, ModelMissingError
from harness.settings import (
    AgentSettings,
    DataSettings,
    OllamaSettings,
    command_environment,
    environment_secrets,
    load,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.agent import Limits, RunOptions, TurnCache
    from harness.agent.changing_tools import Approve
    from harness.types import ChatModel, Hit, RepositoryRecord

logger = logging.getLogger(__name__)

NO_MODEL = (
    "no chat model is configured; set OLLAMA_HOST (and CHAT_MODEL), for example "
    "export OLLAMA_HOST=http://localhost:11434"
)


@dataclass(frozen=True, slots=True)
class Assistant:
    """What a run of the agent needs besides its request; a context manager that closes the
    model's connections."""

    model: ChatModel
    limits: Limits
    options: RunOptions

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *error: object) -> None:
        from harness.engines import close_model

        close_model(self.model)


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
    from harness.models.ollama import OllamaChatModel

    if name:
        settings = settings.model_copy(update={"chat_model": name})
    return OllamaChatModel(settings)


def open_assistant(
    model: str | None = None,
    *,
    approve: Approve | None = None,
    turn_cache: TurnCache | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Assistant:
    """Read the settings of the agent.

    :param approve: asked before a command runs.
    :raises ModelMissingError: no chat model is configured.
    """
    from harness.agent import Limits, RunOptions
    from harness.workspace import CommandPolicy

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
            policy=CommandPolicy(
                timeout_seconds=settings.command_timeout_seconds,
                network=settings.command_network,
                environment=command_environment(),
            ),
            secrets=environment_secrets(),
            approve=approve,
            turn_cache=turn_cache,
            cancelled=cancelled,
        ),
    )


def results_folder(name: str) -> Path:
    """A new folder for one run's files: results directory, time, name, a few random digits.

    :raises InvalidSettingError: the results directory cannot be written; before any model is asked.
    """
    base = load(DataSettings).results
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidSettingError(_unwritable(base, error.strerror)) from error
    if not os.access(base, os.W_OK | os.X_OK):
        raise InvalidSettingError(_unwritable(base, "no permission"))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return base / f"{stamp}-{name}-{secrets.token_hex(3)}"


def _unwritable(base: Path, reason: str | None) -> str:
    return (
        f"results cannot be written to {base} ({reason}); "
        "set HARNESS_RESULTS_DIR to a folder you can write to"
    )


def indexed_at(root: Path) -> RepositoryRecord | None:
    """The index record of a folder, when it is indexed and the store can be read."""
    from harness.engines import open_engines

    try:
        with open_engines() as engines:
            records = engines.store.repositories()
    except HarnessError as error:
        logger.info("no index: %s", error)
        return None
    wanted = root.resolve()
    return next((r for r in records if Path(r.path).resolve() == wanted), None)


@contextmanager
def index_search(repo: str | None) -> Iterator[Callable[[str, int], Sequence[Hit]] | None]:
    """The agent's ``semantic_search`` over one repository; None when it is not indexed."""
    if repo is None:
        yield None
        return
    from harness.engines import open_engines
    from harness.search import retrieval

    with open_engines() as engines:

        def search(query: str, limit: int) -> Sequence[Hit]:
            return retrieval.search(query, engines, repo=repo, limit=limit)

        yield search
