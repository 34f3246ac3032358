"""Opens the embedder, the store, and both as engines."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from harness.engines import Engines
from harness.errors import ModelMissingError
from harness.settings import DataSettings, IndexSettings, OllamaSettings, QdrantSettings, load

if TYPE_CHECKING:
    from harness.models.protocols import Embedder
    from harness.store.protocol import VectorStore

logger = logging.getLogger(__name__)

STATIC_MODEL = "harness-static"
MINILM_MODEL = "all-minilm-l6-v2-int8"
"""Names in manifests, in small letters; kept here so that neither model is imported to compare."""


def open_engines() -> Engines:
    """Build the configured engines. Models load on first use, not here.

    :raises InvalidSettingError: a setting cannot be used.
    :raises StoreError: the data directory cannot be written.
    :raises ServiceUnavailableError: a configured Qdrant server does not answer.
    """
    return Engines(
        embedder=open_embedder(),
        store=open_store(),
        data_dir=load(DataSettings).data_dir,
        open_other=open_other_embedder,
    )


def open_embedder(settings: OllamaSettings | None = None) -> Embedder:
    """One of the models in the process when ``EMBED_MODEL`` names it, else Ollama's when a host is
    set, else the static one.

    :param settings: None reads them from the environment.
    :raises InvalidSettingError: the host cannot be used.
    :raises ModelMissingError: the named model is in an extra that is not installed.
    """
    settings = settings or load(OllamaSettings)
    named = _in_process(settings.embed_model.strip().lower())
    if named is not None:
        return named
    if settings.host:
        from harness.models.ollama.embedder import OllamaEmbedder

        return OllamaEmbedder(settings.options())
    from harness.models.static.embedder import StaticEmbedder

    return StaticEmbedder()


def _in_process(name: str) -> Embedder | None:
    """The embedder in the process of that name, as in ``EMBED_MODEL`` or in an index's manifest."""
    if name in ("static", STATIC_MODEL):
        from harness.models.static.embedder import StaticEmbedder

        return StaticEmbedder()
    if name in ("minilm", MINILM_MODEL):
        from harness.models.minilm.embedder import MiniLmEmbedder, require

        require()
        return MiniLmEmbedder()
    return None


def open_other_embedder(engine: str, model: str) -> Embedder | None:
    """The embedder that made an index, when it can be had here; see
    :data:`harness.engines.OpenEmbedder`."""
    if engine == "embedded":
        try:
            return _in_process(model.lower())
        except ModelMissingError as error:
            logger.info("%s made this index: %s", model, error)
            return None
    settings = load(OllamaSettings)
    if engine == "ollama" and settings.host:
        return open_embedder(settings.model_copy(update={"embed_model": model}))
    return None


def open_store() -> VectorStore:
    """A Qdrant server when one is set, else Edge under the data directory.

    :raises InvalidSettingError: the address cannot be used.
    :raises StoreError: the data directory cannot be written, or the API key is refused.
    :raises ServiceUnavailableError: a configured Qdrant server does not answer.
    """
    from harness.store import opening
    from harness.store.options import EdgeOptions

    qdrant = load(QdrantSettings)
    if qdrant.url or qdrant.host:
        return opening.open_store(qdrant.options())
    folder = load(DataSettings).data_dir / "index"
    return opening.open_store(EdgeOptions(folder, load(IndexSettings).lock_timeout_seconds))
