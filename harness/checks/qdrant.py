"""Checks of the vector store, embedded or a server, and of the index in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.checks.running import Check, Outcome
from harness.index.fingerprint import manifest_of
from harness.index.status import repository_statuses
from harness.index.wholeness import damage
from harness.models.protocols import Embedder
from harness.store.protocol import VectorStore

_SERVER_HINT = " (to use a server: export QDRANT_HOST=localhost)"


OpenStore = Callable[[], VectorStore]
OpenEmbedder = Callable[[], Embedder]


def checks(open_store: OpenStore, open_embedder: OpenEmbedder) -> list[Check]:
    """The store answers; every repository's collection is there, of the configured model."""
    return [
        Check("vector store", partial(_store, open_store), "index something: `harness index PATH`"),
        Check("index", partial(_index, open_store, open_embedder), "run `harness index` again"),
    ]


def _store(open_store: OpenStore) -> Outcome:
    store = open_store()
    hint = _SERVER_HINT if store.is_embedded else ""
    try:
        return True, f"{store.describe()}{hint}", ""
    finally:
        store.close()


def _index(open_store: OpenStore, open_embedder: OpenEmbedder) -> Outcome:
    store = open_store()
    try:
        known = repository_statuses(store)
        repositories = [one for one in known if one.collection]
        if not repositories and known:
            return None, f"{len(known)} repositories registered, none indexed yet", ""
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
        if wrong := damage(store):
            return False, wrong, "run `harness repair`"
        wanted = _configured_collection(open_embedder)
        stale = [r.name for r in repositories if r.collection != wanted]
    finally:
        store.close()
    chunks = sum(one.chunks for one in repositories)
    failed = sum(one.failed for one in repositories)
    detail = f"{len(repositories)} repositories, {chunks} chunks, {failed} failed files"
    for said, some in (
        ("incomplete", [one.name for one in repositories if one.incomplete]),
        ("with warnings", [one.name for one in known if one.warnings]),
        ("not indexed yet", [one.name for one in known if not one.collection]),
    ):
        if some:
            detail += f"; {said} (see `harness status`): {', '.join(some)}"
    if stale:
        names = ", ".join(stale)
        return (
            False,
            f"{detail}; made with another model or version: {names}",
            ("run `harness index` on them; until then the old index answers"),
        )
    return True, detail, ""


def _configured_collection(open_embedder: OpenEmbedder) -> str:
    embedder = open_embedder()
    try:
        return manifest_of(embedder).collection
    finally:
        embedder.close()
