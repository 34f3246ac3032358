"""Finds passages that are like given lines of an indexed file."""

from __future__ import annotations

from harness.engines import Engines
from harness.errors import UsageError
from harness.search import retrieval
from harness.search.indexed_file import IndexedFile
from harness.store.catalog import Visible
from harness.types import Hit

MAX_RELATED = 100
"""Most passages of one answer."""


def related_passages(
    file: IndexedFile,
    start_line: int,
    end_line: int,
    engines: Engines,
    *,
    repo: str | None = None,
    limit: int = 10,
    visible: Visible | None = None,
) -> list[Hit]:
    """Passages like these lines, best first, without those that have any of the lines themselves.

    The lines are the query, so that what is alike in meaning, in words and in the names that it
    uses is found, with the ranking of every search.

    :param start_line: 1-based; ``end_line`` is inclusive, and may lie behind the file's end.
    :param repo: where to look, a name or a folder; None: in all that are visible.
    :raises UsageError: the lines are not in the file or empty, or the limit is out of range.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    if not 1 <= limit <= MAX_RELATED:
        raise UsageError(f"the limit must be between 1 and {MAX_RELATED}")
    total = len(file.lines)
    if not 1 <= start_line <= min(end_line, total):
        raise UsageError(f"{file.path} has the lines 1 to {total}; name some of them")
    text = "\n".join(file.lines[start_line - 1 : end_line])
    if not text.strip():
        raise UsageError(f"{file.path}:{start_line}-{end_line} is empty; name other lines")
    # A chunk has at least a line, so not more than these can be the lines themselves.
    own = min(end_line, total) - start_line + 1
    hits = retrieval.search(
        text,
        engines,
        repo=repo,
        limit=min(limit + own, retrieval.MAX_LIMIT),
        visible=visible,
        operators=False,
    )
    others = [hit for hit in hits if not _is_among(hit, file, start_line, end_line)]
    return others[:limit]


def _is_among(hit: Hit, file: IndexedFile, start: int, end: int) -> bool:
    is_file = (hit.repo, hit.path) == (file.repo, file.path)
    return is_file and hit.start_line <= end and hit.end_line >= start
