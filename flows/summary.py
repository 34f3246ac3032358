"""What a run leaves for people to read: one sentence, and a markdown page."""

from __future__ import annotations

from collections.abc import Iterable

from harness.markdown import code_span, inert_line
from harness.types import IndexReport

# A broken model server fails every file; the page stays readable and the rest is in the log.
_MAX_FAILURES_SHOWN = 50


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


def markdown(report: IndexReport) -> str:
    """The run as a markdown page: counts, skipped files by reason, failures."""
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
    if report.files_skipped:
        skipped = sorted(report.files_skipped.items(), key=lambda item: (-item[1], item[0]))
        parts += ["## Skipped files", _table(("Reason", "Files"), skipped)]
    if report.failures:
        shown = report.failures[:_MAX_FAILURES_SHOWN]
        parts += ["## Failed files", _table(("File", "Error"), shown)]
        if len(report.failures) > len(shown):
            parts.append(f"and {len(report.failures) - len(shown)} more")
        parts.append("The next run tries just these again.")
    return "\n\n".join(parts) + "\n"


def _table(header: tuple[str, str], rows: Iterable[tuple[object, object]]) -> str:
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    for left, right in rows:
        lines.append(f"| {_cell(left)} | {_cell(right)} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Text that cannot break out of its cell: file names and errors come from anywhere."""
    text = " ".join(str(value).split()).replace("\\", "\\\\").replace("|", "\\|")
    return inert_line(text).replace("<", "&lt;")
