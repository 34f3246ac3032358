"""Where an index is kept and how it is reached: what names a store, with the usual values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LOCK_TIMEOUT_SECONDS = 60.0
"""How long an operation of the embedded store waits for another process."""


DEFAULT_PORT = 6333
"""Of Qdrant's REST API."""


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """The embedded store in the folder ``root``."""

    root: Path
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class QdrantOptions:
    """A Qdrant server, named by ``url`` or, without one, by ``host`` and ``port``.

    ``port``: None is 6333, or 443 with ``https``. ``grpc_port``: 0 uses REST only.
    ``timeout_seconds``: longest wait for one request.
    """

    host: str | None = None
    port: int | None = None
    grpc_port: int = 6334
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_seconds: int = 60


StoreOptions = EdgeOptions | QdrantOptions
