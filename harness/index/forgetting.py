"""Removing a repository from the index."""

from __future__ import annotations

from dataclasses import replace

from harness.engines import Engines
from harness.index.naming import record_source
from harness.repository.mirrors import remove_mirror
from harness.repository.sources import is_git_url
from harness.store.catalog import entry_named


def forget_repository(name: str, engines: Engines) -> int:
    """Remove a repository's points and records from every collection, and the mirror of a URL.

    The repository's own record goes last, so that an interrupted removal can be repeated.

    :returns: how many chunks were removed.
    :raises RepositoryNotFoundError: it is neither indexed nor registered.
    """
    store = engines.store
    record = entry_named(store, name)
    name = record.name
    removed = 0
    # From here on its chunks are not what its records say, by right.
    store.put_repository(replace(record, unfinished=True))
    used = {r.collection for r in store.repositories() if r.name != name}
    for manifest in store.manifests():
        removed += store.count_chunks(manifest.collection, name)
        if manifest.collection in used:
            store.delete_chunks(manifest.collection, name)
            store.delete_file_records(manifest.collection, name)
        else:
            store.drop_collection(manifest.collection)
    if is_git_url(record_source(record)):
        remove_mirror(record_source(record), engines.data_dir)
    store.delete_repository(name)
    return removed
