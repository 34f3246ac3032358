"""The model server."""

from __future__ import annotations

from pydantic import Field

from harness.models.ollama.options import OllamaOptions
from harness.settings.base import Settings

_OLLAMA = OllamaOptions()


class OllamaSettings(Settings):
    """The model server. Without ``OLLAMA_HOST`` the embedded models are used."""

    host: str | None = Field(
        default=None,
        validation_alias="OLLAMA_HOST",
        description="Ollama's address (`host`, `host:port`, or a URL). Unset: embedded models.",
    )
    chat_model: str = Field(
        default=_OLLAMA.chat_model,
        validation_alias="CHAT_MODEL",
        description="Model that answers and carries out tasks.",
    )
    embed_model: str = Field(
        default=_OLLAMA.embed_model,
        validation_alias="EMBED_MODEL",
        description="Model that embeds passages and queries: one of Ollama's, or in this process "
        "`static` (our own; used without `OLLAMA_HOST`) or `minilm` (a transformer; an extra).",
    )
    num_ctx: int = Field(
        default=_OLLAMA.num_ctx,
        ge=1024,
        validation_alias="HARNESS_NUM_CTX",
        description="Upper limit of the chat model's context window (tokens).",
    )
    embed_batch: int = Field(
        default=_OLLAMA.embed_batch,
        ge=1,
        le=512,
        validation_alias="HARNESS_EMBED_BATCH",
        description="Texts per embedding request.",
    )
    timeout_seconds: float = Field(
        default=_OLLAMA.timeout_seconds,
        gt=0,
        validation_alias="HARNESS_OLLAMA_TIMEOUT_SECONDS",
        description="Longest silence from Ollama within one request, model loading included "
        "(seconds).",
    )
    document_prefix: str | None = Field(
        default=None,
        validation_alias="HARNESS_DOCUMENT_PREFIX",
        description="Prefix of embedded passages. Unset: the one the model is known to need.",
    )
    query_prefix: str | None = Field(
        default=None,
        validation_alias="HARNESS_QUERY_PREFIX",
        description="Prefix of embedded queries. Unset: the one the model is known to need.",
    )

    def options(self) -> OllamaOptions:
        """What the engines are told."""
        return OllamaOptions(**self.model_dump())
