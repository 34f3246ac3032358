"""How an index run is reported on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli import console
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.engines import Engines
    from harness.types import IndexReport


def print_interrupted(repo: str, engines: Engines) -> None:
    """Say what an interrupted run leaves; what is stored was stored batch by batch."""
    from harness.index.status import repository_statuses

    try:
        statuses = {one.name: one for one in repository_statuses(engines.store)}
    except HarnessError:
        statuses = {}
    now = statuses.get(repo)
    if now is None or not now.chunks:
        console.error(f"interrupted: nothing of {repo} is searchable yet; run it again to index it")
        return
    rest = "it is incomplete" if now.incomplete else "nothing of it was under way"
    console.error(
        f"interrupted: {now.files} files of {repo} with {now.chunks} chunks are searchable, and "
        f"{rest}; run the same command again, and it goes on from there"
    )


def print_report(report: IndexReport) -> None:
    """Say what a run has done, what it left out, and which files failed."""
    line = console.printable_name(report.repo)
    if report.is_empty:
        console.report(
            f"{line}: nothing to index ({report.files_total} files, {report.seconds:.1f} s)"
        )
    elif not (report.files_indexed or report.files_deleted or report.files_failed):
        line += f": nothing changed ({report.files_unchanged} files, {report.chunks_total} chunks"
        console.report(f"{line}, {report.seconds:.1f} s)")
    else:
        rate = report.chunks_embedded / report.embed_seconds if report.embed_seconds else 0.0
        console.report(
            f"{line}: {report.files_indexed} files indexed, {report.files_unchanged} unchanged, "
            f"{report.files_deleted} deleted, {report.files_failed} failed; "
            f"{report.chunks_total} chunks, {report.chunks_embedded} embedded "
            f"({rate:.0f}/s), {report.chunks_reused} reused; {report.seconds:.1f} s"
        )
    if report.files_skipped:
        reasons = ", ".join(f"{n} {reason}" for reason, n in report.files_skipped.items())
        console.report(f"  skipped: {reasons}  (details: harness index --dry-run)")
    # A server that is gone gives every file the same words.
    by_error: dict[str, list[str]] = {}
    for path, error in report.failures:
        by_error.setdefault(error, []).append(path)
    for error, paths in list(by_error.items())[:20]:
        which = paths[0] if len(paths) == 1 else f"{len(paths)} files, {paths[0]} first"
        console.report(
            f"  failed: {console.printable_name(which)}: {console.printable_name(error)}"
        )


def print_preview(repo: str, files: Sequence[str], skipped: Sequence[tuple[str, str, str]]) -> None:
    """Say what a run would index.

    :param skipped: paths with the reason, and the rule that decided it.
    """
    for path in files:
        print(console.printable_name(path))
    for path, reason, rule in skipped:
        print(console.printable_name(f"{path}  (skipped: {reason})  rule: {rule}"))
    counts = f"{len(files)} files would be indexed, {len(skipped)} skipped"
    print(f"{console.printable_name(repo)}: {counts}")
