"""What the Ollama engines may be told; the home of their defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OllamaOptions:
    """The server and its two models.

    ``host`` is as users write it, see :func:`harness.models.ollama.address.parse_host`; None means
    this machine's default port. ``num_ctx`` is the upper limit of the chat model's window in
    tokens, ``embed_batch`` counts texts per request, ``timeout_seconds`` is the longest silence
    within one request, the loading of a model included. A prefix of None is the one that the model
    is known to need.
    """

    host: str | None = None
    chat_model: str = "codestral"
    embed_model: str = "nomic-embed-text"
    num_ctx: int = 16_384
    embed_batch: int = 32
    timeout_seconds: float = 300.0
    document_prefix: str | None = None
    query_prefix: str | None = None
