"""A path glob as the paths of indexed files: stores compare whole paths, they know no globs."""

from __future__ import annotations

from collections.abc import Sequence

from harness.patterns import PathPatterns
from harness.store.protocol import VectorStore
from harness.types import FileStatus


def matching_paths(
    glob: str, store: VectorStore, collection: str, repos: Sequence[str]
) -> tuple[str, ...]:
    """The paths of these repositories that a glob chooses, sorted; skipped files left out.

    :param glob: as in ``.gitignore``; one that matches a folder chooses all files in it.
    """
    patterns = PathPatterns.parse(glob)
    found = {
        path
        for repo in repos
        for path, record in store.file_records(collection, repo).items()
        if record.status is not FileStatus.SKIPPED and patterns.chooses(path)
    }
    return tuple(sorted(found))
