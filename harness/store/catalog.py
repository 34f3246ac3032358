"""Which repositories are in an index."""

from __future__ import annotations

from harness.errors import RepositoryNotFoundError, UsageError
from harness.store.protocol import VectorStore
from harness.text import encodable
from harness.types import RepositoryRecord


def in_scope(store: VectorStore, repo: str | None) -> list[RepositoryRecord]:
    """The repositories that a request is about: the one it names, or (None) all of them.

    :raises UsageError: nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed; the message lists those that are.
    """
    repositories = store.repositories()
    if not repositories:
        raise UsageError("nothing is indexed yet; run `harness index PATH` first")
    if repo is None:
        return repositories
    repo = encodable(repo)
    chosen = [record for record in repositories if record.name == repo]
    if not chosen:
        names = ", ".join(record.name for record in repositories[:20])
        raise RepositoryNotFoundError(f"{repo!r} is not indexed; indexed are: {names}")
    return chosen
