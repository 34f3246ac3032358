"""Opens the store that its options name: the one place that knows every engine.

An engine is imported when it is opened: an index in the process loads no client of a server.
"""

from __future__ import annotations

from harness.store.options import EdgeOptions, StoreOptions
from harness.store.protocol import VectorStore


def open_store(options: StoreOptions) -> VectorStore:
    """The store with these options; its snapshots come from the store itself.

    :raises InvalidSettingError: the server's address cannot be used.
    :raises StoreError: the folder cannot be written, the API key is refused, or the server is too
        old.
    :raises ServiceUnavailableError: the server does not answer.
    """
    if isinstance(options, EdgeOptions):
        from harness.store.edge import EdgeStore

        return EdgeStore(options.root, options.lock_timeout_seconds)
    from harness.store.qdrant_connection import connect

    return connect(options)
