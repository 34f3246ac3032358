"""Opens what the settings name: embedder, store, backups, chat model, agent.

The choice is made by the environment, explicitly, and in this one place. Everything is imported
when it is opened: a search loads no agent, and an agent no chunker.
"""

from harness.configured.engines import (
    MINILM_MODEL,
    STATIC_MODEL,
    open_embedder,
    open_engines,
    open_other_embedder,
    open_store,
)
from harness.configured.kept import (
    backup_storage,
    keep_results,
    open_backups,
    open_results,
    results_folder,
    results_location,
    results_storage,
    turns_of,
)
from harness.configured.servers import open_service, open_tokens, prefect_apis, service_parts
from harness.configured.work import (
    NO_MODEL,
    check_push,
    has_chat_model,
    index_of,
    open_assistant,
    open_chat_model,
    opened_repository,
    run_configured_task,
)

__all__ = [
    "MINILM_MODEL",
    "NO_MODEL",
    "STATIC_MODEL",
    "backup_storage",
    "check_push",
    "has_chat_model",
    "index_of",
    "keep_results",
    "open_assistant",
    "open_backups",
    "open_chat_model",
    "open_embedder",
    "open_engines",
    "open_other_embedder",
    "open_results",
    "open_service",
    "open_store",
    "open_tokens",
    "opened_repository",
    "prefect_apis",
    "results_folder",
    "results_location",
    "results_storage",
    "run_configured_task",
    "service_parts",
    "turns_of",
]
