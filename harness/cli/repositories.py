"""``harness repositories``: the registry of what the nightly run keeps fresh."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.inspect import forget
from harness.cli.options import AsJson, Exclude, Include
from harness.text import encodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.engines import Engines
    from harness.index.naming import Claim
    from harness.index.registry import Entry, Request
    from harness.types import RepositoryRecord

LOOK_TIMEOUT_SECONDS = 60.0

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a repository in the list.")]


def add(
    source: Annotated[str, typer.Argument(metavar="PATH_OR_GIT_URL", help="A folder or git URL.")],
    name: Annotated[
        str | None, typer.Option(help="Name in the index. Default: the folder's, or the URL's.")
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit. Default, and '': the default branch."),
    ] = None,
    credential: Annotated[
        str | None,
        typer.Option(metavar="CREDENTIAL", help="Name of a credential; '' for none."),
    ] = None,
    include: Include = None,
    exclude: Exclude = None,
    submodules: Annotated[
        bool | None,
        typer.Option("--submodules/--no-submodules", help="Fetch a URL's submodules as well."),
    ] = None,
    lfs: Annotated[
        bool | None,
        typer.Option("--lfs/--no-lfs", help="Fetch a URL's LFS files as well (over HTTP)."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check/--no-check", help="Ask a URL's server whether it is there."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Add a repository to the nightly run, or change what is kept of it; nothing is indexed yet."""
    from harness.configured import open_engines
    from harness.index.registry import Request, entry_of, register
    from harness.repository.sources import is_git_url

    claim, path = _claim(source)
    request = Request(
        ref=ref,
        include=None if include is None else tuple(include),
        exclude=None if exclude is None else tuple(exclude),
        credential=credential,
        submodules=submodules,
        lfs=lfs,
    )
    with open_engines() as engines:
        if check and is_git_url(source):
            _look(source, request, engines.store.repositories())
        named = encodable(name) if name else None
        record = register(claim, path, request, engines.store, engines.data_dir, name=named)
        entry = entry_of(record, sees_folders=engines.store.is_embedded)
    if as_json:
        console.print_json(entry)
    else:
        _print(entry)


def list_(as_json: AsJson = False) -> None:
    """List the registered repositories: source, branch, credential, what has become of each."""
    from harness.configured import open_engines
    from harness.index.registry import entry_of, registered

    with open_engines() as engines:
        records = registered(engines.store.repositories())
        entries = [entry_of(record, sees_folders=engines.store.is_embedded) for record in records]
    if as_json:
        console.print_json({"repositories": entries})
        return
    if not entries:
        print("Nothing is registered yet. Start with: harness repositories add URL")
    for entry in entries:
        _print(entry)


def remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a repository from the registry and from the index; its source is not touched."""
    forget(name, as_json)


def apply(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Default: HARNESS_REPOSITORIES_FILE."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the registry say what the team's list says; nothing is indexed yet.

    An entry that is refused stops no other. What the list no longer has stays, with a warning.
    """
    from harness.configured import open_store
    from harness.errors import UsageError
    from harness.index.team_list import Change, read_list, take_list
    from harness.settings import DataSettings, load

    settings = load(DataSettings)
    path = file or settings.repositories_file
    if path is None:
        raise UsageError("name a file, or set HARNESS_REPOSITORIES_FILE")
    listed = read_list(path)
    with closing(open_store()) as store:
        taken = take_list(listed, store, settings.data_dir)
    if as_json:
        console.print_json({"repositories": taken})
    for one in taken:
        if one.message:
            level = "error" if one.change is Change.REFUSED else "warning"
            console.error(f"{level}: {one.name}: {one.message}")
        elif not as_json:
            print(f"{console.printable_name(one.name)}: {one.change}")
    if any(one.change is Change.REFUSED for one in taken):
        raise typer.Exit(UsageError.exit_code)


def sync(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Default: all registered ones.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Embed everything again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Index what has changed on the git servers; a server is asked before anything is fetched.

    One that fails does not stop the others; the exit code is that of the last one that failed.
    """
    from harness.configured import open_engines
    from harness.errors import HarnessError, UsageError
    from harness.index.registry import registered
    from harness.store.catalog import entry_named

    worst: HarnessError | None = None
    rows: list[dict[str, object]] = []
    with open_engines() as engines:
        chosen = [entry_named(engines.store, name) for name in names or ()]
        if not chosen:
            chosen = registered(engines.store.repositories())
        if not chosen:
            raise UsageError("nothing is registered yet; run `harness repositories add URL`")
        for record in chosen:
            try:
                row = _sync_one(record, engines, full, as_json)
            except HarnessError as error:
                worst = error
                row = {"state": "failed", "error": str(error)}
                console.error(f"{record.name}: {error}")
            rows.append({"name": record.name, "before": record.commit, **row})
    if as_json:
        console.print_json({"repositories": rows})
    if worst is not None:
        raise typer.Exit(worst.exit_code)


def _sync_one(
    record: RepositoryRecord, engines: Engines, full: bool, as_json: bool
) -> dict[str, object]:
    """Index one repository when it has to be; what is shown of it.

    :raises HarnessError: its source cannot be read, or the run failed.
    """
    from harness.cli.index import InterruptedRunError, index_entry
    from harness.cli.index_reports import print_report
    from harness.errors import HarnessError
    from harness.index.syncing import has_news, note_gone, note_unreadable
    from harness.settings import DataSettings, load

    if gone := note_gone([record], engines.store):
        console.error(f"warning: {record.name}: {gone[0].warnings[0]}")
        return {"state": "gone", "after": record.commit, "warnings": gone[0].warnings}
    try:
        news = full or has_news(record, load(DataSettings).credentials)
    except HarnessError as error:
        note_unreadable(record, error, engines.store)
        raise
    if not news:
        if not as_json:
            print(f"{console.printable_name(record.name)}: unchanged at {record.commit[:9]}")
        return {"state": "unchanged", "after": record.commit, "changed": 0, "warnings": ()}
    try:
        report = index_entry(record, engines, full=full, as_json=as_json)
    except InterruptedRunError:
        raise typer.Exit(130) from None
    if not as_json:
        print_report(report)
    for warning in report.warnings:
        console.error(f"warning: {report.repo}: {warning}")
    return {
        "state": "indexed",
        "after": report.commit,
        "changed": report.files_indexed + report.files_failed + report.files_deleted,
        "seconds": report.seconds,
        "warnings": report.warnings,
    }


def _claim(source: str) -> tuple[Claim, str]:
    """Who asks for an entry, and the folder or URL that is read.

    :raises UsageError: the source is no folder and no URL, or a URL that holds a credential.
    """
    from harness.index.naming import Claim
    from harness.index.registry import claim_of_url
    from harness.repository.checkout import local_folder
    from harness.repository.sources import is_git_url

    if not is_git_url(source):
        folder = local_folder(source)
        return Claim(folder.source, folder.root), str(folder.root)
    return claim_of_url(source), source


def _look(url: str, request: Request, records: Sequence[RepositoryRecord]) -> None:
    """Ask the server for the branch, so that a wrong address or credential is seen at once.

    :raises HarnessError: why it cannot be read.
    """
    from harness.index.registry import reading_of
    from harness.repository.remotes import open_remote
    from harness.settings import DataSettings, load

    reading = reading_of(url, request, records)
    remote = open_remote(
        url,
        timeout_seconds=LOOK_TIMEOUT_SECONDS,
        credential=reading.credential,
        credentials_dir=load(DataSettings).credentials,
    )
    remote.find(reading.ref)


def _print(entry: Entry) -> None:
    from harness.index.registry import fetched_besides

    at = f" at {entry.commit[:9]}" if entry.commit else ""
    print(f"{console.printable_name(entry.name)}: {entry.state}{at}")
    print(f"    {console.printable_name(entry.source)}")
    for label, value in (
        ("ref", entry.ref),
        ("credential", entry.credential),
        ("only", ", ".join(entry.include)),
        ("not", ", ".join(entry.exclude)),
        ("with", fetched_besides(submodules=entry.submodules, lfs=entry.lfs)),
        ("indexed", entry.indexed_at),
    ):
        if value:
            print(f"    {label} {console.printable_name(value)}")
    for warning in entry.warnings:
        print(f"    warning: {console.printable_name(warning)}")
