"""``harness index``."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.index_reports import print_interrupted, print_preview, print_report
from harness.cli.options import AsJson, Exclude, Include
from harness.errors import HarnessError, UsageError
from harness.home import from_home
from harness.text import encodable

if TYPE_CHECKING:
    from harness.engines import Engines
    from harness.index.options import IndexOptions
    from harness.index.registry import Request
    from harness.repository.checkout import Checkout
    from harness.types import IndexReport, RepositoryRecord

CLONE_TIMEOUT_SECONDS = 600.0


class InterruptedRunError(Exception):
    """Ctrl-C in a run; what there is to say of it has been said."""


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
    include: Include = None,
    exclude: Exclude = None,
    ref: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit of a URL."),
    ] = None,
    credential: Annotated[
        str | None,
        typer.Option(metavar="CREDENTIAL", help="Name of a credential for a URL."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Embed everything again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be indexed and what is skipped.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Index what changed in one or several repositories."""
    from harness.configured import open_engines
    from harness.index.options import IndexOptions
    from harness.index.registry import Request
    from harness.repository.credentials import redact_urls
    from harness.repository.mirrors import work_folder
    from harness.repository.sources import is_git_url, source_of
    from harness.settings import DataSettings, IndexSettings, load

    if root is not None and sources:
        raise UsageError("give either paths or --root DIR, not both")
    many = root is not None or len(sources or []) > 1
    if name and many:
        raise UsageError("--name goes with one repository only")
    if (ref or credential) and not all(is_git_url(source) for source in sources or ["."]):
        raise UsageError("--ref and --credential go with git URLs; a folder is read as it is")
    if sources and not many:
        source_of(sources[0])  # an address that cannot be one is refused before anything is opened
    name = encodable(name) if name else None
    root = from_home(root) if root is not None else None
    data_dir = load(DataSettings).data_dir
    settings = load(IndexSettings)
    options = IndexOptions(
        full=full,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        max_file_bytes=settings.max_file_bytes,
    )
    asked = Request(
        ref=ref,
        include=tuple(include) if include else None,
        exclude=tuple(exclude) if exclude else None,
        credential=credential,
    )
    reports: list[IndexReport] = []
    plans: list[object] = []
    worst: HarnessError | None = None
    interrupted = False
    with open_engines() as engines:
        wanted = _below(root, engines, dry_run) if root is not None else (sources or ["."])
        names = _names(wanted, engines) if many else {}
        for number, source in enumerate(wanted, 1):
            place = f"repository {number} of {len(wanted)}: " if len(wanted) > 1 else ""
            try:
                turn = contextlib.nullcontext() if dry_run else _turn(engines, source)
                with turn, work_folder(source, data_dir) as folder:
                    checkout = _resolve(source, folder, asked, engines)
                    repo = names.get(source) or _own_name(checkout, name, engines)
                    own = _entry_options(repo, checkout, options, asked, engines, keep=not dry_run)
                    if dry_run:
                        plans.append(_dry_run(repo, checkout, own, as_json))
                        continue
                    report = _index_one(
                        repo, checkout, engines, own, settings.batch_bytes, as_json, place
                    )
            except HarnessError as error:
                if not many:
                    raise
                console.error(f"{redact_urls(source)}: {error}")
                worst = error
                continue
            except InterruptedRunError:
                interrupted = True
                break
            reports.append(report)
            if not as_json:
                print_report(report)
            for warning in report.warnings:
                console.error(f"warning: {report.repo}: {warning}")
    if as_json and (many or not interrupted):
        console.print_json([*plans, *reports] if many else [*plans, *reports][0])
    if interrupted:
        raise typer.Exit(130)
    if worst is not None:
        raise typer.Exit(worst.exit_code)
    if failed_files := sum(report.files_failed for report in reports):
        console.error(f"{failed_files} files failed; the next run tries them again")
        raise typer.Exit(1)
    if reports and all(report.is_empty for report in reports):
        raise typer.Exit(1)


def index_entry(
    record: RepositoryRecord, engines: Engines, *, full: bool, as_json: bool
) -> IndexReport:
    """Index a repository of the registry, as its entry says.

    :raises HarnessError: its source cannot be read, which is noted in its record; or the run
        failed.
    """
    from harness.index.options import IndexOptions
    from harness.index.registry import Request, with_entry
    from harness.index.syncing import fetched_from, note_unreadable
    from harness.repository.mirrors import work_folder
    from harness.settings import DataSettings, IndexSettings, load

    settings, data_dir = load(IndexSettings), load(DataSettings).data_dir
    options = IndexOptions(full=full, max_file_bytes=settings.max_file_bytes)
    source = fetched_from(record)
    with _turn(engines, source), work_folder(source, data_dir) as folder:
        try:
            checkout = _resolve(source, folder, Request(), engines)
        except HarnessError as error:
            note_unreadable(record, error, engines.store)
            raise
        own = with_entry(options, record)
        return _index_one(
            record.name, checkout, engines, own, settings.batch_bytes, as_json, place=""
        )


def _below(root: Path, engines: Engines, dry_run: bool) -> list[str]:
    """The repositories below a folder; says which of those in the index are no longer there.

    :raises UsageError: there is none.
    """
    from harness.index.naming import left_out, vanished_below
    from harness.index.syncing import note_gone
    from harness.repository.checkout import discover

    found = discover(root)
    records = engines.store.repositories()
    if not dry_run:
        for record in note_gone(vanished_below(root, records), engines.store):
            console.error(f"warning: {record.name} ({record.path}): {record.warnings[0]}")
    found += left_out(root, found, records)
    if not found:
        raise UsageError(f"no repository below {root}")
    return [str(path) for path in sorted(found)]


def _names(wanted: list[str], engines: Engines) -> dict[str, str]:
    """Names of several repositories, of which none was chosen by hand."""
    from harness.index.naming import names_for
    from harness.repository.sources import source_of

    identities = {source: source_of(source) for source in wanted}
    names = names_for(list(dict.fromkeys(identities.values())), engines.store.repositories())
    return {source: names[identity] for source, identity in identities.items()}


def _own_name(checkout: Checkout, name: str | None, engines: Engines) -> str:
    """The name of the one repository that was named.

    :raises NameTakenError: another one has it.
    """
    from harness.index.naming import Claim, one_name

    claim = Claim(checkout.source, checkout.root)
    return one_name(claim, name, engines.store.repositories())


def _entry_options(
    repo: str,
    checkout: Checkout,
    options: IndexOptions,
    asked: Request,
    engines: Engines,
    *,
    keep: bool,
) -> IndexOptions:
    """The run's options with the patterns of the repository's entry, where the run has none.

    :param keep: whether an entry may be written.
    """
    from harness.index.naming import Claim
    from harness.index.registry import entered, with_entry

    claim = Claim(checkout.source, checkout.root)
    url = checkout.url if keep else None
    return with_entry(options, entered(claim, url, asked, engines, repo))


def _resolve(source: str, folder: Path | None, asked: Request, engines: Engines) -> Checkout:
    """The folder of a source; one that is gone, but in the index, is told how to go on."""
    from harness.errors import RepositoryNotFoundError
    from harness.index.naming import known_as
    from harness.index.registry import reading_of
    from harness.repository.checkout import resolve_source
    from harness.repository.sources import source_of
    from harness.settings import DataSettings, IndexSettings, load

    data = load(DataSettings)
    records = engines.store.repositories()
    reading = reading_of(source, asked, records)
    try:
        return resolve_source(
            source,
            into=folder,
            data_dir=data.data_dir,
            timeout_seconds=CLONE_TIMEOUT_SECONDS,
            ref=reading.ref,
            credential=reading.credential,
            credentials_dir=data.credentials,
            submodules=reading.submodules,
            lfs_bytes=load(IndexSettings).max_file_bytes if reading.lfs else 0,
            indexed=reading.indexed,
        )
    except RepositoryNotFoundError as error:
        known = known_as(source_of(source), records)
        if known is None:
            raise
        raise RepositoryNotFoundError(
            f"{error}; it is in the index as {known.name!r}, which stays as it is: index its new "
            f"place with --name {known.name}, or remove it with `harness forget {known.name}`"
        ) from error


def _turn(engines: Engines, source: str) -> contextlib.AbstractContextManager[object]:
    """Hold a repository, as flow runs do; says so when it has to wait."""
    from harness.index.run_lock import hold_repository
    from harness.repository.credentials import redact_urls
    from harness.settings import IndexSettings, load

    wait = f"{redact_urls(source)}: another run is indexing this repository; waiting for its end"
    return hold_repository(
        engines.store,
        engines.data_dir,
        source,
        lease_seconds=load(IndexSettings).lease_seconds,
        may_be_killed=True,
        on_wait=partial(console.error, wait),
    )


def _index_one(
    repo: str,
    checkout: Checkout,
    engines: Engines,
    options: IndexOptions,
    batch_bytes: int,
    as_json: bool,
    place: str,
) -> IndexReport:
    from harness.index.run import index_repository

    quiet = as_json and not sys.stderr.isatty()
    try:
        with console.index_progress(f"{place}{repo}", quiet) as progress:
            return index_repository(
                repo,
                checkout.root,
                engines,
                options,
                on_plan=progress.start,
                on_progress=progress.advance,
                batch_bytes=batch_bytes,
                source=checkout.source,
            )
    except KeyboardInterrupt:
        print_interrupted(repo, engines)
        raise InterruptedRunError from None


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
        pristine=checkout.url is not None,
    )
    files: list[str] = []
    skipped = [(item.path, str(item.reason), item.rule) for item in listing.skipped]
    for source in listing.files:
        read = read_source(checkout.root, source, options.max_file_bytes)
        if isinstance(read, SourceText):
            files.append(source.path)
        else:
            skipped.append((source.path, str(read), "its content"))
    skipped.sort()
    if not as_json:
        print_preview(repo, files, skipped)
    return {
        "repo": repo,
        "path": checkout.url or str(checkout.root),
        "files": files,
        "skipped": [
            {"path": path, "reason": reason, "rule": rule} for path, reason, rule in skipped
        ],
    }
