"""The vector store."""

from __future__ import annotations

from pydantic import Field, SecretStr

from harness.settings.base import Settings
from harness.store.options import QdrantOptions

_QDRANT = QdrantOptions()


class QdrantSettings(Settings):
    """The vector store. Without ``QDRANT_HOST`` or ``QDRANT_URL`` the embedded one is used."""

    host: str | None = Field(
        default=None,
        validation_alias="QDRANT_HOST",
        description="Qdrant's address (`host`, `host:port`, or a URL). If neither this nor "
        "QDRANT_URL is set, the embedded store is used.",
    )
    port: int | None = Field(
        default=_QDRANT.port,
        ge=1,
        le=65_535,
        validation_alias="QDRANT_PORT",
        description="Port of QDRANT_HOST when that names none. Unset: 6333, or 443 with `https://`.",
    )
    grpc_port: int = Field(
        default=_QDRANT.grpc_port,
        ge=0,
        le=65_535,
        validation_alias="QDRANT_GRPC_PORT",
        description="Qdrant's gRPC port; 0: REST only.",
    )
    url: str | None = Field(
        default=None,
        validation_alias="QDRANT_URL",
        description="Qdrant's URL (`https://…` for TLS, port 443); takes precedence over "
        "QDRANT_HOST.",
    )
    api_key: SecretStr | None = Field(
        default=None, validation_alias="QDRANT_API_KEY", description="Qdrant's API key."
    )
    timeout_seconds: int = Field(
        default=_QDRANT.timeout_seconds,
        gt=0,
        validation_alias="HARNESS_QDRANT_TIMEOUT_SECONDS",
        description="Longest wait for one request to Qdrant.",
    )

    def options(self) -> QdrantOptions:
        """What the store is told."""
        key = self.api_key.get_secret_value() if self.api_key else None
        return QdrantOptions(**self.model_dump() | {"api_key": key})
