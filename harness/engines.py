"""Which embedder and which store: chosen by the environment, explicitly, never guessed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from harness.errors import HarnessError, ServiceUnavailableError, StoreFullError
from harness.settings import DataSettings, IndexSettings, OllamaSettings, QdrantSettings, load
from harness.store.protocol import VectorStore
from harness.types import Embedder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engines:
    """What indexing and searching need; a context manager that closes all of it."""

    embedder: Embedder
    store: VectorStore
    data_dir: Path
    _others: dict[tuple[str, str], Embedder | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __enter__(self) -> Engines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.store.close()
        for embedder in (self.embedder, *self._others.values()):
            close_model(embedder)

    def embedder_named(self, engine: str, model: str) -> Embedder | None:
        """The embedder that made an index, when it can be had here, else None; kept, since
        loading a model takes longer than a query.

        :param engine: as in an index's manifest.
        :raises HarnessError: a setting cannot be used.
        """
        if (engine, model) not in self._others:
            self._others[engine, model] = _embedder_named(engine, model)
        return self._others[engine, model]

    def ends_the_run(self, error: BaseException) -> bool:
        """Tell whether every other batch would fail like one that ended with this error, each
        after it was embedded or half a minute of attempts.

        A text that breaks the model gives the same class as a server that is gone, so the server
        is asked once more.
        """
        if isinstance(error, StoreFullError):
            return True
        if not isinstance(error, ServiceUnavailableError):
            return False
        try:
            self.embedder.embed_query("probe")
        except ServiceUnavailableError:
            logger.error("the model does not answer: what is left waits for the next run")
            return True
        except HarnessError as other:
            logger.info("the model answers a probe with: %s", other)
        return False


def close_model(model: object) -> None:
    """Close an embedding or chat model; one with a connection has ``close``."""
    close = getattr(model, "close", None)
    if close is not None:
        close()


def open_engines() -> Engines:
    """Build the configured engines. Models load on first use, not here.

    :raises InvalidSettingError: a setting cannot be used.
    :raises StoreError: the data directory cannot be written.
    :raises ServiceUnavailableError: a configured Qdrant server does not answer.
    """
    data = load(DataSettings)
    return Engines(
        embedder=open_embedder(load(OllamaSettings)),
        store=open_store(data, load(IndexSettings), load(QdrantSettings)),
        data_dir=data.data_dir,
    )


def open_embedder(settings: OllamaSettings) -> Embedder:
    """Ollama's model when a host is set, else MiniLM in the process."""
    if settings.host:
        from harness.models.ollama import OllamaEmbedder

        return OllamaEmbedder(settings)
    from harness.models.embedded import MiniLmEmbedder

    return MiniLmEmbedder()


def open_store(data: DataSettings, index: IndexSettings, qdrant: QdrantSettings) -> VectorStore:
    """A Qdrant server when one is set, else Edge under the data directory."""
    if qdrant.url or qdrant.host:
        from harness.store.connection import connect

        return connect(qdrant)
    from harness.store.edge import EdgeStore

    return EdgeStore(data.data_dir / "index", index.lock_timeout_seconds)


def _embedder_named(engine: str, model: str) -> Embedder | None:
    if engine == "embedded":
        from harness.models.embedded import MiniLmEmbedder

        embedder = MiniLmEmbedder()
        return embedder if embedder.model == model else None
    settings = load(OllamaSettings)
    if engine == "ollama" and settings.host:
        return open_embedder(settings.model_copy(update={"embed_model": model}))
    return None
