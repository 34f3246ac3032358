"""Checks of the models: the embedding model in use, and Ollama's when a host is set."""

from __future__ import annotations

from functools import partial

from harness.checks.running import Check, Outcome
from harness.settings import OllamaSettings

_NOT_SET = (
    "OLLAMA_HOST is not set: embedded model, answers are passages (to use Ollama: "
    "export OLLAMA_HOST=http://localhost:11434)"
)


def checks(settings: OllamaSettings) -> list[Check]:
    """The server and its two models, or the embedded model."""
    return [
        Check("ollama", partial(_server, settings), "start it with `ollama serve`"),
        Check("chat model", partial(_chat_model, settings)),
        Check("embedding model", partial(_embedding, settings)),
    ]


def _server(settings: OllamaSettings) -> Outcome:
    if not settings.host:
        return None, _NOT_SET, ""
    from harness.models.ollama import Backoff, OllamaClient

    # One attempt: a check says what is now, and the next one comes soon.
    with OllamaClient.from_settings(settings, Backoff(attempts=1)) as client:
        return True, f"version {client.version()} at {client.url}", ""


def _chat_model(settings: OllamaSettings) -> Outcome:
    if not settings.host:
        return None, "no chat model without OLLAMA_HOST", ""
    from harness.models.ollama import Backoff, OllamaClient

    with OllamaClient.from_settings(settings, Backoff(attempts=1)) as client:
        info = client.show(settings.chat_model)
    protocol = "native" if "tools" in info.capabilities else "text"
    window = min(info.context_length or settings.num_ctx, settings.num_ctx)
    capabilities = ", ".join(sorted(info.capabilities)) or "none listed"
    return (
        True,
        f"{info.name}: {capabilities}; context {info.context_length} tokens, {window} used; "
        f"{protocol} protocol",
        "",
    )


def _embedding(settings: OllamaSettings) -> Outcome:
    import numpy as np

    from harness.engines import close_model, open_embedder

    embedder = open_embedder(settings)
    try:
        vector = embedder.embed_query("probe")
        usable = vector.shape == (embedder.dimension,) and bool(np.isfinite(vector).all())
    finally:
        close_model(embedder)
    if not usable:
        return False, f"{embedder.model} answered with a vector that cannot be used", ""
    where = "in this process" if embedder.engine == "embedded" else str(settings.host)
    return True, f"{embedder.model} ({where}), {embedder.dimension} dimensions", ""
