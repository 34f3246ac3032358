"""Global concurrency limits: what runs of several deployments share."""

from __future__ import annotations

from typing import Any

from deployments.changes import line

# Agent runs at the same time on one Ollama server, until a batch chooses otherwise (`at_once`).
OLLAMA_RUNS = 2


def apply_limits(client: Any, ollama_host: str | None) -> list[dict[str, str]]:
    """Create the limit of the configured Ollama server; one that exists keeps its number.

    Index writes need no limit: the embedded store has a lock across processes, which the operating
    system releases when a run is killed, and Qdrant accepts concurrent writers.

    :param ollama_host: None when there is no server to share.
    """
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.exceptions import ObjectNotFound

    from flows.limits import ollama_limit_name

    if not ollama_host:
        return []
    name = ollama_limit_name()
    try:
        found = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        identity = client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=name, limit=OLLAMA_RUNS)
        )
        return [line("limit", name, identity, "created")]
    return [line("limit", name, found.id, "unchanged")]
