"""Checks of the vector store, embedded or a server, and of the index in it."""

from __future__ import annotations

from functools import partial

from harness.checks.running import Check, Outcome
from harness.engines import close_model, open_embedder, open_store
from harness.index.planning import manifest_of
from harness.settings import DataSettings, IndexSettings, OllamaSettings, QdrantSettings
from harness.store.protocol import VectorStore

_SERVER_HINT = " (to use a server: export QDRANT_HOST=localhost)"


def checks(
    data: DataSettings, index: IndexSettings, ollama: OllamaSettings, qdrant: QdrantSettings
) -> list[Check]:
    """The store answers; every repository's collection is there, of the configured model."""
    opened = partial(open_store, data, index, qdrant)
    return [
        Check("vector store", lambda: _store(opened()), "index something: `harness index PATH`"),
        Check("index", lambda: _index(opened(), ollama), "run `harness index` again"),
    ]


def _store(store: VectorStore) -> Outcome:
    hint = "" if store.engine == "qdrant" else _SERVER_HINT
    try:
        return True, f"{store.describe()}{hint}", ""
    finally:
        store.close()


def _index(store: VectorStore, ollama: OllamaSettings) -> Outcome:
    try:
        repositories = store.repositories()
        if not repositories:
            return None, "nothing is indexed yet (`harness index PATH`)", ""
        present = {manifest.collection for manifest in store.manifests()}
        lost = [r.name for r in repositories if r.collection not in present]
        if lost:
            return (
                False,
                f"the collection of {', '.join(lost)} is gone",
                ("restore a backup (`harness restore`) or run `harness index --full`"),
            )
        wanted = _configured_collection(ollama)
        stale = [r.name for r in repositories if r.collection != wanted]
        chunks = sum(store.count_chunks(collection) for collection in present)
    finally:
        store.close()
    failed = sum(record.failed for record in repositories)
    detail = f"{len(repositories)} repositories, {chunks} chunks, {failed} failed files"
    if stale:
        names = ", ".join(stale)
        return (
            False,
            f"{detail}; made with another model or version: {names}",
            ("run `harness index` on them; until then the old index answers"),
        )
    return True, detail, ""


def _configured_collection(ollama: OllamaSettings) -> str:
    embedder = open_embedder(ollama)
    try:
        return manifest_of(embedder).collection
    finally:
        close_model(embedder)
