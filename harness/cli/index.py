"""``harness index``."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.engines import Engines
    from harness.index.options import IndexOptions
    from harness.repository.checkout import Checkout
    from harness.types import IndexReport

CLONE_TIMEOUT_SECONDS = 600.0


def index(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH_OR_GIT_URL...", help="Folders or git URLs. Default: ."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name in the index. Default: the folder's.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Index every repository below this folder.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only paths that match this glob; repeatable.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="No paths that match this glob; repeatable.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Embed everything again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be indexed and what is skipped.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Index what changed in one or several repositories."""
    from harness.configured import open_engines
    from harness.index.options import IndexOptions
    from harness.repository.checkout import discover, is_git_url, resolve_source
    from harness.settings import DataSettings, IndexSettings, load

    if root is not None and sources:
        raise UsageError("give either paths or --root DIR, not both")
    many = root is not None or len(sources or []) > 1
    if name and many:
        raise UsageError("--name goes with one repository only")
    data_dir = load(DataSettings).data_dir
    settings = load(IndexSettings)
    options = IndexOptions(
        full=full,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        max_file_bytes=settings.max_file_bytes,
    )
    wanted = [str(path) for path in discover(root)] if root is not None else (sources or ["."])
    if not wanted:
        raise UsageError(f"no repository below {root}")
    reports: list[object] = []
    worst: HarnessError | None = None
    failed_files = 0
    with open_engines() as engines:
        for source in wanted:
            try:
                # A dry run reads only, but an update of a clone.
                waits = not dry_run or is_git_url(source)
                with _turn(data_dir, source) if waits else contextlib.nullcontext():
                    checkout = resolve_source(
                        source, data_dir=data_dir, timeout_seconds=CLONE_TIMEOUT_SECONDS
                    )
                    repo = name or checkout.name
                    if dry_run:
                        reports.append(_dry_run(repo, checkout, options, as_json))
                        continue
                    report = _index_one(
                        repo, checkout, engines, options, settings.batch_bytes, as_json
                    )
            except HarnessError as error:
                if not many:
                    raise
                console.error(f"{source}: {error}")
                worst = error
                continue
            failed_files += report.files_failed
            reports.append(report)
            if not as_json:
                _print_report(report)
    if as_json:
        console.print_json(reports if many else reports[0])
    if worst is not None:
        raise typer.Exit(worst.exit_code)
    if failed_files:
        console.error(f"{failed_files} files failed; the next run tries them again")
        raise typer.Exit(1)


def _turn(data_dir: Path, source: str) -> contextlib.AbstractContextManager[bool]:
    """The lock of a repository, which flow runs take as well; says so when it has to wait."""
    from harness.index.run_lock import hold_repository

    wait = f"{source}: another run is indexing this repository; waiting for its end"
    return hold_repository(data_dir, source, on_wait=partial(console.error, wait))


def _index_one(
    repo: str,
    checkout: Checkout,
    engines: Engines,
    options: IndexOptions,
    batch_bytes: int,
    as_json: bool,
) -> IndexReport:
    from harness.index.run import index_repository

    with console.index_progress(repo, quiet=as_json and not sys.stderr.isatty()) as progress:
        return index_repository(
            repo,
            checkout.root,
            engines,
            options,
            on_plan=progress.start,
            on_progress=progress.advance,
            batch_bytes=batch_bytes,
        )


def _print_report(report: IndexReport) -> None:
    line = console.printable(report.repo)
    if not (report.files_indexed or report.files_deleted or report.files_failed):
        line += f": nothing changed ({report.files_unchanged} files, {report.chunks_total} chunks"
        print(f"{line}, {report.seconds:.1f} s)")
    else:
        rate = report.chunks_embedded / report.embed_seconds if report.embed_seconds else 0.0
        print(
            f"{line}: {report.files_indexed} files indexed, {report.files_unchanged} unchanged, "
            f"{report.files_deleted} deleted, {report.files_failed} failed; "
            f"{report.chunks_total} chunks, {report.chunks_embedded} embedded "
            f"({rate:.0f}/s), {report.chunks_reused} reused; {report.seconds:.1f} s"
        )
    if report.files_skipped:
        reasons = ", ".join(f"{n} {reason}" for reason, n in report.files_skipped.items())
        print(f"  skipped: {reasons}  (details: harness index --dry-run)")
    # A server that is gone gives every file the same words.
    by_error: dict[str, list[str]] = {}
    for path, error in report.failures:
        by_error.setdefault(error, []).append(path)
    for error, paths in list(by_error.items())[:20]:
        which = paths[0] if len(paths) == 1 else f"{len(paths)} files, {paths[0]} first"
        print(f"  failed: {console.printable(which)}: {console.printable(error)}")


def _dry_run(
    repo: str, checkout: Checkout, options: IndexOptions, as_json: bool
) -> dict[str, object]:
    """List what a run would index, reading contents as it would but storing nothing."""
    from harness.repository.content import SourceText, read_source
    from harness.repository.walk import walk

    listing = walk(
        checkout.root,
        max_file_bytes=options.max_file_bytes,
        include=options.include,
        exclude=options.exclude,
    )
    files: list[str] = []
    skipped = [(item.path, str(item.reason)) for item in listing.skipped]
    for source in listing.files:
        read = read_source(checkout.root, source, options.max_file_bytes)
        if isinstance(read, SourceText):
            files.append(source.path)
        else:
            skipped.append((source.path, str(read)))
    skipped.sort()
    if not as_json:
        for path in files:
            print(console.printable(path))
        for path, reason in skipped:
            print(f"{console.printable(path)}  (skipped: {reason})")
        print(f"{repo}: {len(files)} files would be indexed, {len(skipped)} skipped")
    return {
        "repo": repo,
        "path": str(checkout.root),
        "files": files,
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
    }
