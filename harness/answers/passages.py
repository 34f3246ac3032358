"""An answer without a chat model: the best passages, shortened to the lines that matter, each
with a citation that is checked against the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.engines import Engines
from harness.models import lexical
from harness.search.retrieval import search
from harness.store.catalog import in_scope
from harness.types import Hit

SCHEMA_VERSION = 1
_LINES_SHOWN = 14


@dataclass(frozen=True, slots=True)
class Citation:
    """Lines of a file, 1-based and inclusive; ``verified`` says that the file has them as
    cited."""

    path: str
    start_line: int
    end_line: int
    verified: bool
    repo: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The JSON of ``ask``; ``protocol`` is ``passages`` when no model took part."""

    status: str
    answer: str
    citations: tuple[Citation, ...]
    schema_version: int = SCHEMA_VERSION
    patch: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    model: str = ""
    protocol: str = "passages"
    num_ctx: int = 0
    steps: int = 0
    trajectory_path: str = ""
    error: str = ""


def answer_with_passages(
    question: str, engines: Engines, *, repo: str | None = None, limit: int = 5
) -> Envelope:
    """The best passages for a question.

    :raises UsageError: the question is empty or nothing is indexed.
    :raises RepositoryNotFoundError: ``repo`` is not indexed.
    """
    roots = {record.name: Path(record.path) for record in in_scope(engines.store, repo)}
    hits = search(question, engines, repo=repo, limit=limit)
    several = len(roots) > 1
    parts: list[str] = []
    citations: list[Citation] = []
    for hit in hits:
        start, lines = shorten(question, hit)
        end = start + len(lines) - 1
        verified = is_in_file(roots[hit.repo], hit.path, start, lines)
        citations.append(Citation(hit.path, start, end, verified, hit.repo))
        name = f"{hit.repo}/{hit.path}" if several else hit.path
        mark = "" if verified else "  (the file has changed since it was indexed)"
        title = f"{name}:{start}-{end}{mark}"
        body = "\n".join(f"{n:6}  {line}" for n, line in enumerate(lines, start))
        parts.append(f"{title}\n{body}")
    if not parts:
        parts.append("Nothing in the index answers that; try other words.")
    return Envelope("ok", "\n\n".join(parts), tuple(citations))


def shorten(question: str, hit: Hit, lines_shown: int = _LINES_SHOWN) -> tuple[int, list[str]]:
    """The window of a passage that shares most words with the question.

    :returns: number of its first line, and its lines.
    """
    lines = hit.text.split("\n")
    if len(lines) <= lines_shown:
        return hit.start_line, lines
    wanted = set(lexical.words(question))
    scores = [len(wanted & set(lexical.words(line))) for line in lines]
    # A definition's first lines say what it is: they win a tie, and a small head start.
    best = max(
        range(len(lines) - lines_shown + 1),
        key=lambda at: (sum(scores[at : at + lines_shown]) + (at == 0), -at),
    )
    return hit.start_line + best, lines[best : best + lines_shown]


def is_in_file(root: Path, path: str, start_line: int, lines: Sequence[str]) -> bool:
    """Whether the file still has exactly these lines there. Reads only below ``root``."""
    target = root / path
    try:
        if not target.resolve().is_relative_to(root.resolve()) or not target.is_file():
            return False
        text = target.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    found = text.split("\n")[start_line - 1 : start_line - 1 + len(lines)]
    return [_bare(line) for line in found] == [_bare(line) for line in lines]


def _bare(line: str) -> str:
    return re.sub(r"\s+$", "", line)
