"""Checks of the models: the embedding model in use, and Ollama's when a host is set."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from harness.agent.options import ProtocolChoice
from harness.checks.running import Check, Outcome
from harness.models.ollama.options import OllamaOptions
from harness.models.protocols import Embedder

_NOT_SET = (
    "OLLAMA_HOST is not set: embedded model, answers are passages (to use Ollama: "
    "export OLLAMA_HOST=http://localhost:11434)"
)

OLDEST_WHOLE_PROMPTS = (0, 12, 6)
"""The first version whose /api/chat takes ``truncate`` and ``shift`` (its release notes, October
2025). An older one leaves out the oldest messages of a long prompt and says nothing."""


def checks(
    options: OllamaOptions, protocol: ProtocolChoice, open_embedder: Callable[[], Embedder]
) -> list[Check]:
    """The server and its two models, or the embedded model."""
    return [
        Check("ollama", partial(_server, options), "start it with `ollama serve`"),
        Check("chat model", partial(_chat_model, options, protocol)),
        Check("embedding model", partial(_embedding, options, open_embedder)),
    ]


def _server(options: OllamaOptions) -> Outcome:
    if not options.host:
        return None, _NOT_SET, ""
    from harness.models.ollama.client import OllamaClient
    from harness.retrying import Backoff

    # One attempt: a check says what is now, and the next one comes soon.
    with OllamaClient.connect(options, Backoff(attempts=1)) as client:
        version = client.version()
        detail = f"version {version} at {client.url}"
    if _is_too_old(version):
        wanted = ".".join(map(str, OLDEST_WHOLE_PROMPTS))
        return (
            False,
            f"{detail} cuts long prompts without a word",
            f"update Ollama to {wanted} or newer",
        )
    return True, detail, ""


def _is_too_old(version: str) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    # 0.0.0 is what a build from the sources calls itself.
    return numbers is not None and (0, 0, 0) < tuple(map(int, numbers.groups())) < (
        OLDEST_WHOLE_PROMPTS
    )


def _chat_model(options: OllamaOptions, protocol: ProtocolChoice) -> Outcome:
    if not options.host:
        return None, "no chat model without OLLAMA_HOST", ""
    from harness.agent.call_format import protocol_name
    from harness.models.ollama.chat import window_of
    from harness.models.ollama.client import OllamaClient
    from harness.retrying import Backoff

    with OllamaClient.connect(options, Backoff(attempts=1)) as client:
        info = client.show(options.chat_model)
    window = window_of(info, options.num_ctx)
    capabilities = ", ".join(sorted(info.capabilities)) or "none listed"
    return (
        True,
        f"{info.name}: {capabilities}; context {info.context_length} tokens, {window} used; "
        f"{protocol_name(info, protocol)} protocol",
        "",
    )


def _embedding(options: OllamaOptions, open_embedder: Callable[[], Embedder]) -> Outcome:
    import numpy as np

    embedder = open_embedder()
    try:
        vector = embedder.embed_query("probe")
        usable = vector.shape == (embedder.dimension,) and bool(np.isfinite(vector).all())
    finally:
        embedder.close()
    if not usable:
        return False, f"{embedder.model} answered with a vector that cannot be used", ""
    is_here = embedder.engine == "embedded"
    where = "in this process" if is_here else options.host
    return True, f"{embedder.model} ({where}), {embedder.dimension} dimensions", ""
