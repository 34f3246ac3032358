"""What has changed since a repository was indexed, and what is wrong with its source: asked without
fetching anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.index.naming import record_source
from harness.index.registry import gone_warning, has_gone
from harness.repository.remotes import COMMIT, open_remote
from harness.repository.sources import is_git_url
from harness.store.protocol import VectorStore
from harness.types import RepositoryRecord

ASK_TIMEOUT_SECONDS = 120.0
_FAILED = "the last run could not read its source: "


def fetched_from(record: RepositoryRecord) -> str:
    """What an index run of a repository is given: its folder, or its URL as it is fetched."""
    source = record_source(record)
    return record.path if is_git_url(record.path) or not is_git_url(source) else source


def has_news(record: RepositoryRecord, credentials_dir: Path | None) -> bool:
    """Tell whether a repository has to be indexed again: its branch has moved, or its last run left
    something undone. A folder always may have changed.

    :raises HarnessError: the server cannot be asked, or refuses.
    """
    source = fetched_from(record)
    undone = record.unfinished or not record.indexed_at or record.failed or record.warnings
    if undone or not is_git_url(source):
        return True
    if COMMIT.fullmatch(record.ref):
        return record.ref != record.commit
    remote = open_remote(
        source,
        timeout_seconds=ASK_TIMEOUT_SECONDS,
        credential=record.credential,
        credentials_dir=credentials_dir,
    )
    return remote.find(record.ref)[1] != record.commit


def note_gone(records: Iterable[RepositoryRecord], store: VectorStore) -> list[RepositoryRecord]:
    """Find the repositories whose folders are no longer there, and note it in their records: who
    asks for the status may be on a machine that has none of the folders.

    :returns: their records with the warning. Their chunks stay.
    """
    gone = []
    for record in records:
        if not has_gone(record):
            continue
        noted = replace(record, warnings=(gone_warning(record),))
        if noted != record:
            store.put_repository(noted)
        gone.append(noted)
    return gone


def note_unreadable(
    record: RepositoryRecord | None, error: HarnessError, store: VectorStore
) -> None:
    """Note in a repository's record that its server could not be read, for those who ask for the
    status; the next run that ends takes it back.

    :param record: None: it is not in the catalog.
    """
    if record is None or not is_git_url(record_source(record)):
        return
    current = next((r for r in store.repositories() if r.name == record.name), record)
    noted = replace(current, warnings=(f"{_FAILED}{error}",))
    if noted != current:
        store.put_repository(noted)
