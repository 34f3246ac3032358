"""What a run leaves for people to read: one sentence, and a markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from flows.charts import bars
from harness.markdown import code_span, inert_line
from harness.types import IndexReport

# A broken model server fails every file; the page stays readable and the rest is in the log.
_MAX_FAILURES_SHOWN = 50
_MAX_SKIPPED_SHOWN = 100
_MOST_STRETCHES = 10


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went, as its flow saw it.

    :param stages: seconds by what they were spent on, in the order of the run.
    :param languages: how many files of each language the run read.
    :param skipped: (path, reason) of what this run found and left out.
    :param slowest: (path, seconds) of the files that took longest, longest first.
    :param pace: (seconds since the first batch was begun, chunks until then) after each batch.
    """

    stages: Mapping[str, float] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()
    slowest: tuple[tuple[str, float], ...] = ()
    pace: tuple[tuple[float, int], ...] = ()


def sentence(report: IndexReport) -> str:
    """The run in one line; it becomes the state's message."""
    if report.is_empty:
        return f"{report.repo}: nothing to index ({report.files_total} files)"
    if not (report.files_indexed or report.files_deleted or report.files_failed):
        return f"{report.repo}: nothing changed ({report.files_unchanged} files)"
    parts = [
        f"{report.files_indexed} files indexed",
        f"{report.files_unchanged} unchanged",
        f"{report.files_deleted} deleted",
        f"{report.chunks_embedded} chunks embedded",
        f"{report.chunks_reused} reused",
    ]
    if report.files_failed:
        parts.insert(0, f"{report.files_failed} files failed")
    return f"{report.repo}: {', '.join(parts)}{_first_failure(report)}"


def _first_failure(report: IndexReport) -> str:
    """The first failure, since it is often that of all."""
    return f"; {': '.join(report.failures[0])}" if report.failures else ""


def markdown(report: IndexReport, course: Course = Course()) -> str:
    """The run as a markdown page: failures first, then where the time went, counts, which files
    took longest, and what was skipped by reason and name."""
    commit = f"@{report.commit[:7]}" if report.commit else ""
    speed = report.chunks_embedded / report.embed_seconds if report.embed_seconds else 0.0
    rows = [
        ("Files seen", report.files_total),
        ("Files indexed", report.files_indexed),
        ("Files unchanged", report.files_unchanged),
        ("Files deleted", report.files_deleted),
        ("Files failed", report.files_failed),
        ("Chunks in the index", report.chunks_total),
        ("Chunks embedded", report.chunks_embedded),
        ("Chunks reused", report.chunks_reused),
        ("Source indexed", f"{report.bytes_indexed / 1e6:.2f} MB"),
        ("Time", f"{report.seconds:.1f} s, of which embedding {report.embed_seconds:.1f} s"),
        ("Embedding speed", f"{speed:.1f} chunks/s"),
        ("Model", report.model),
    ]
    parts = [f"# {_cell(report.repo)}{commit}", code_span(report.path), _table(("", ""), rows)]
    if report.warnings:
        parts.insert(2, "\n".join(f"> Warning: {_cell(text)}\n" for text in report.warnings))
    at = len(parts) - 1
    parts[at:at] = [*_failures(report), *_pictures(report, course)]
    parts += [*_slowest(course), *_skipped(report, course)]
    return "\n\n".join(parts) + "\n"


def _failures(report: IndexReport) -> list[str]:
    if not report.failures:
        return []
    shown = report.failures[:_MAX_FAILURES_SHOWN]
    parts = ["## Failed files", _table(("File", "Error"), shown)]
    if len(report.failures) > len(shown):
        parts.append(f"and {len(report.failures) - len(shown)} more")
    return [*parts, "The next run tries just these again."]


def _pictures(report: IndexReport, course: Course) -> list[str]:
    languages = dict(sorted(course.languages.items(), key=lambda item: (-item[1], item[0])))
    skipped = dict(sorted(report.files_skipped.items(), key=lambda item: (-item[1], item[0])))
    pictures = [
        bars("Time by stage", course.stages, "s"),
        bars("Chunks per second, over the run", speeds(course.pace), ""),
        bars("Files read, by language", languages, ""),
        bars("Files skipped, by reason", skipped, ""),
    ]
    return [picture for picture in pictures if picture]


def speeds(pace: Sequence[tuple[float, int]]) -> dict[str, float]:
    """Chunks per second by stretch of the run, at most :data:`_MOST_STRETCHES` of one length; empty
    for a single batch, whose speed the table has.

    :param pace: as in :class:`Course`. A batch's chunks count as made since the one before it
        ended: several that end at once say nothing of the moment between them.
    """
    if len(pace) < 2 or pace[-1][0] <= 0:
        return {}
    times, done = zip((0.0, 0), *pace, strict=True)
    edges = np.linspace(0.0, times[-1], min(len(pace), _MOST_STRETCHES) + 1)
    made = np.interp(edges, times, done)
    return {
        f"{began:.1f} to {ended:.1f} s": float((after - before) / (ended - began))
        for (began, before), (ended, after) in pairwise(zip(edges, made, strict=True))
    }


def _slowest(course: Course) -> list[str]:
    if not course.slowest:
        return []
    rows = [(path, f"{seconds:.3f}") for path, seconds in course.slowest]
    return [
        "## Slowest files",
        _table(("File", "Seconds"), rows),
        "Reading, chunking and embedding; the first of a process also waits for what it loads.",
    ]


def _skipped(report: IndexReport, course: Course) -> list[str]:
    if not report.files_skipped:
        return []
    counts = sorted(report.files_skipped.items(), key=lambda item: (-item[1], item[0]))
    parts = ["## Skipped files", _table(("Reason", "Files"), counts)]
    if course.skipped:
        shown = sorted(course.skipped, key=lambda item: (item[1], item[0]))[:_MAX_SKIPPED_SHOWN]
        parts.append(_table(("File or folder", "Reason"), shown))
    return [*parts, "`harness index --dry-run` lists all of them, each with the rule that decided."]


def _table(header: tuple[str, str], rows: Iterable[tuple[object, object]]) -> str:
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    for left, right in rows:
        lines.append(f"| {_cell(left)} | {_cell(right)} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Text that cannot break out of its cell: file names and errors come from anywhere."""
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")
    return inert_line(text).replace("<", "&lt;")
