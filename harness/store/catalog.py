"""Which repositories are in an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from harness.errors import RepositoryNotFoundError, UsageError
from harness.store.protocol import VectorStore
from harness.text import encodable
from harness.types import RepositoryRecord

Visible = Callable[[str], bool]
"""Whether whoever asks may know of a repository, by its name."""


def in_scope(
    store: VectorStore, repo: str | None, visible: Visible | None = None
) -> list[RepositoryRecord]:
    """The repositories that a request is about: the one it names, or (None) all of them.

    :param visible: None: all of them. What is not visible is as if it were not indexed.
    :raises UsageError: nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed; the message lists those that are.
    """
    known = _visible(store, visible)
    repositories = [record for record in known if record.collection]
    if repo is not None:
        repo = encodable(repo)
        new = next((r for r in known if r.name == repo and not r.collection), None)
        if new is not None:
            raise UsageError(
                f"{repo!r} is registered and not indexed yet; run `harness index {new.path}`"
            )
    if not repositories:
        raise UsageError("nothing is indexed yet; run `harness index PATH` first")
    if repo is None:
        return repositories
    chosen = [record for record in repositories if record.name == repo]
    if not chosen:
        names = ", ".join(record.name for record in repositories[:20])
        raise RepositoryNotFoundError(f"{repo!r} is not indexed; indexed are: {names}")
    return chosen


def entry_named(store: VectorStore, name: str) -> RepositoryRecord:
    """The catalog's entry of this name, indexed or only registered.

    :raises UsageError: the catalog is empty.
    :raises RepositoryNotFoundError: there is none; the message lists those that there are.
    """
    known = store.repositories()
    wanted = encodable(name)
    found = next((record for record in known if record.name == wanted), None)
    if found is None:
        if not known:
            raise UsageError("nothing is indexed yet; run `harness index PATH` first")
        names = ", ".join(record.name for record in known[:20])
        raise RepositoryNotFoundError(f"{wanted!r} is not indexed; indexed are: {names}")
    return found


def in_scope_at(
    store: VectorStore, repo: str | None, visible: Visible | None = None
) -> list[RepositoryRecord]:
    """As :func:`in_scope`, where ``repo`` may also be the repository's folder or URL.

    :raises UsageError: as :func:`in_scope`, or it is a folder inside a repository.
    """
    known = [record for record in _visible(store, visible) if record.collection]
    if repo is None or not known or any(record.name == repo for record in known):
        return in_scope(store, repo, visible)
    named = [record for record in known if record.name == repo.strip().rstrip("/")]
    if named:
        return named
    bare = repo.strip().rstrip("/").removesuffix(".git")
    from_url = [r for r in known if "://" in r.source + r.path and bare in (r.source, r.path)]
    if from_url:
        return from_url
    try:
        folder = Path(repo).expanduser().resolve()
        record = around(folder, known)
        root = Path(record.path).resolve() if record else folder
    except (OSError, ValueError, RuntimeError):  # no folder can be called so
        return in_scope(store, repo, visible)
    if record is not None and root == folder:
        return [one for one in known if Path(one.path).resolve() == folder]
    if record is not None and folder.exists():
        raise UsageError(
            f"{repo!r} is a folder of the repository {record.name}; write --repo {record.name} "
            f"--path '{folder.relative_to(root).as_posix()}/**'"
        )
    return in_scope(store, repo, visible)


def around(folder: Path, records: Iterable[RepositoryRecord]) -> RepositoryRecord | None:
    """The indexed repository that a folder is, or is in: the innermost one; None for none.

    :param folder: resolved.
    """
    roots = [(Path(record.path).resolve(), record) for record in records if record.collection]
    holding = [pair for pair in roots if folder.is_relative_to(pair[0])]
    return max(holding, key=lambda pair: len(pair[0].parts))[1] if holding else None


def _visible(store: VectorStore, visible: Visible | None) -> list[RepositoryRecord]:
    return [one for one in store.repositories() if visible is None or visible(one.name)]
