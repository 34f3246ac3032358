"""An index's fingerprint: everything that must be equal for two vectors to be comparable."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, replace

from harness.chunking.version import VERSION as CHUNKER_VERSION
from harness.index import embedded_text
from harness.index.embedded_text import TokenWindow
from harness.models import lexical
from harness.models.protocols import Embedder
from harness.types import Manifest

COLLECTION_PREFIX = "harness-"

# Bump when payloads or the rules of harness.repository.content change.
SCHEMA = "4"


def manifest_of(embedder: Embedder) -> Manifest:
    """The fingerprint of what this embedder and this code would store."""
    return with_collection(
        Manifest(
            engine=embedder.engine,
            model=embedder.model,
            digest=embedder.digest,
            dimension=embedder.dimension,
            document_prefix=embedder.document_prefix,
            query_prefix=embedder.query_prefix,
            chunker=f"{CHUNKER_VERSION}/{max_chars(embedder)}",
            tokenizer=lexical.VERSION,
            schema=f"{SCHEMA}/{embedded_text.PASSAGE_VERSION}",
        )
    )


def max_chars(embedder: TokenWindow) -> int:
    """Chunk size in non-blank characters, from the model's window.

    256 word pieces hold 750 to 1,000 characters of code; a larger window gets larger chunks, but
    a chunk should stay one thought. A model without a window, which adds up a chunk's words, is
    trained on chunks of this size.
    """
    return 900 if embedder.max_tokens <= 256 else 1500


def with_collection(manifest: Manifest) -> Manifest:
    """Return the manifest with the collection name that its fingerprint gives.

    The name is ``harness-`` and 16 hexadecimal digits of SHA-256 over every other field, so a
    collection can never be written by another fingerprint.
    """
    fields = astuple(replace(manifest, collection=""))
    digest = hashlib.sha256(repr(fields).encode()).hexdigest()
    return replace(manifest, collection=f"{COLLECTION_PREFIX}{digest[:16]}")
