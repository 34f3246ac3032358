"""The dense vector of a query, by the model that made the collection it is compared with."""

from __future__ import annotations

import logging

from harness.engines import Engines
from harness.errors import HarnessError
from harness.models.protocols import Embedder
from harness.search.query import Query
from harness.types import FloatArray, Manifest

logger = logging.getLogger(__name__)


def dense_vector(query: Query, collection: str, engines: Engines) -> FloatArray | None:
    """Embed a query ``(dim,)`` for a collection.

    :returns: None when the collection's model cannot be had here or does not answer; the log then
        says why the search is lexical only.
    """
    embedder = _embedder_of(collection, engines)
    if embedder is None:
        return None
    try:
        return embedder.embed_query(f"{query.first_said} {query.text}".strip())
    except HarnessError as error:
        logger.warning("the search is lexical only: %s", error)
        return None


def _embedder_of(collection: str, engines: Engines) -> Embedder | None:
    """The configured embedder or, until a rebuild is through, the one that the collection's
    manifest names; None when that one cannot be had here."""
    manifest = next((m for m in engines.store.manifests() if m.collection == collection), None)
    if manifest is None:
        return None
    if engines.embedder.model == manifest.model and engines.embedder.engine == manifest.engine:
        try:
            if _can_query(engines.embedder, manifest):
                return engines.embedder
        except HarnessError as error:
            logger.warning("the search is lexical only: %s", error)
            return None
    return _embedder_from(manifest, engines)


def _can_query(embedder: Embedder, manifest: Manifest) -> bool:
    """The same weights and a vector of the same length: a server may cut or project the vectors
    of one model differently after an update."""
    return (embedder.digest, embedder.dimension) == (manifest.digest, manifest.dimension)


def _embedder_from(manifest: Manifest, engines: Engines) -> Embedder | None:
    try:
        embedder = engines.embedder_named(manifest.engine, manifest.model)
        if embedder is not None and _can_query(embedder, manifest):
            return embedder
    except HarnessError as error:
        logger.info("%s cannot be had: %s", manifest.model, error)
    logger.warning(
        "the index was made by %s (%s), which is not configured: the search is lexical only "
        "until `harness index` has rebuilt it",
        manifest.model, manifest.engine,
    )  # fmt: skip
    return None
