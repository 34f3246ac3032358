"""An answer without a chat model: the best passages, shortened to the lines that matter, each
with a citation that is checked against the file, or against the index where there is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from harness.agent.envelope import Citation, Envelope, Passage
from harness.agent.status import Status
from harness.answers.indexed_files import folder_of
from harness.chunking.citing import holds_lines
from harness.engines import Engines
from harness.repository.content import decode
from harness.repository.sources import is_git_url
from harness.search.excerpts import shorten
from harness.search.retrieval import search
from harness.store.catalog import Visible, in_scope_at
from harness.types import Hit, RepositoryRecord, SkipReason

NOTHING_FOUND = "Nothing in the index answers that; try other words."


def answer_with_passages(
    question: str,
    engines: Engines,
    *,
    repo: str | None = None,
    language: str | None = None,
    path_glob: str | None = None,
    limit: int = 5,
    visible: Visible | None = None,
) -> Envelope:
    """Return the best passages for a question, best first; no model takes part. The filters are
    those of :func:`harness.search.retrieval.search`.

    :raises UsageError: the question is empty, nothing is indexed, or a filter matches nothing.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    began = time.monotonic()
    records = {record.name: record for record in in_scope_at(engines.store, repo, visible)}
    hits = search(
        question,
        engines,
        repo=repo,
        language=language,
        path_glob=path_glob,
        limit=limit,
        visible=visible,
    )
    several = len(records) > 1
    passages = tuple(_passage(question, hit, records[hit.repo], several) for hit in hits)
    return Envelope(
        status=Status.OK,
        passages=passages,
        citations=tuple(passage.citation for passage in passages),
        protocol="passages",
        duration_seconds=round(time.monotonic() - began, 3),
    )


def readable(envelope: Envelope, *, passages_shown: bool = False) -> str:
    """Return what a person reads of an answer: the passages, then the model's words.

    :param passages_shown: the passages were shown before.
    """
    passages = () if passages_shown else envelope.passages
    parts = [*(passage.text for passage in passages), envelope.answer]
    if passages_shown and not envelope.answer:
        return ""
    text = "\n\n".join(part for part in parts if part)
    return text or (NOTHING_FOUND if envelope.status is Status.OK else "")


def _passage(question: str, hit: Hit, record: RepositoryRecord, several: bool) -> Passage:
    """Shorten one search result. Its lines are those of the index; where the repository's folder is
    here, the file may have changed since.

    :param several: the repository's name goes in front of the path.
    """
    start, lines = shorten(question, hit)
    numbers = [min(start + offset, hit.end_line) for offset in range(len(lines))]
    end = numbers[-1]
    root = folder_of(record)
    verified = root is None or is_in_file(root, hit.path, start, end, lines)
    citation = Citation(hit.path, start, end, verified, repo=hit.repo)
    name = f"{hit.repo}/{hit.path}" if several else hit.path
    mark = "" if verified else "  (the file has changed since it was indexed)"
    if root is None and not is_git_url(record.path):
        mark = "  (from the index; its folder is gone)"
    body = [f"{number:6}  {line}" for number, line in zip(numbers, lines, strict=True)]
    return Passage(citation, "\n".join([f"{name}:{start}-{end}{mark}", *body]))


def is_in_file(root: Path, path: str, start: int, end: int, lines: Sequence[str]) -> bool:
    """Tell whether the file still has exactly these lines there, as the index holds them. Only
    files below ``root`` are read."""
    target = root / path
    try:
        if not target.resolve().is_relative_to(root.resolve()) or not target.is_file():
            return False
        text = decode(target.read_bytes())
    except OSError:
        return False
    return not isinstance(text, SkipReason) and holds_lines(path, text, start, end, lines)
