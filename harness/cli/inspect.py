"""``harness status``, ``harness forget`` and ``harness doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson

if TYPE_CHECKING:
    from harness.index.status import RepositoryStatus


def status(as_json: AsJson = False) -> None:
    """Show what is indexed, by which model, how fresh, and what failed."""
    from harness.configured import open_engines, open_service
    from harness.index.status import repository_statuses

    service = open_service()
    if service is not None:
        with service:
            records = service.statuses()
    else:
        with open_engines() as engines:
            records = repository_statuses(engines.store)
    if as_json:
        console.print_json({"repos": [record.to_dict() for record in records]})
        return
    if not records:
        print("Nothing is indexed yet. Start with: harness index PATH")
        return
    from harness.index.registry import fetched_besides

    # Lines and no table: paths and names are long, and terminals and pipes narrow.
    for record in records:
        commit = f" at {record.commit[:9]}" if record.commit else ""
        failed = f", {record.failed} files failed" if record.failed else ""
        incomplete = " so far (incomplete)" if record.incomplete else ""
        # A service tells only administrators which of its folders it is.
        place = console.printable_name(record.path or record.source or "a folder of the service")
        if not record.collection:
            print(f"{console.printable_name(record.name)}: registered, not indexed yet")
            print(f"    {place}")
            _print_warnings(record)
            continue
        print(
            f"{console.printable_name(record.name)}: "
            f"{record.files} files, {record.chunks} chunks{failed}{incomplete}\n"
            f"    {place}{commit}\n"
            f"    indexed {record.indexed_at or '(not finished)'} with {record.model}"
        )
        if besides := fetched_besides(submodules=record.submodules, lfs=record.lfs):
            print(f"    with {besides}")
        if record.incomplete:
            print("    incomplete: a run is under way, or was cut off; `harness index` goes on")
        _print_warnings(record)


def _print_warnings(record: RepositoryStatus) -> None:
    for warning in record.warnings:
        print(f"    warning: {console.printable_name(warning)}")


def forget(
    repo: Annotated[str, typer.Argument(help="Name of an indexed repository.")],
    as_json: AsJson = False,
) -> None:
    """Remove a repository from the index; its files are not touched."""
    from harness.configured import open_engines
    from harness.index.forgetting import forget_repository

    with open_engines() as engines:
        removed = forget_repository(repo, engines)
    if as_json:
        console.print_json({"repo": repo, "chunks_removed": removed})
    else:
        print(f"{console.printable_name(repo)}: removed ({removed} chunks)")


def doctor(as_json: AsJson = False) -> None:
    """Check everything that Harness needs; each failure comes with its remedy."""
    from harness.checks import check_stack

    results = check_stack()
    ok = all(result.ok is not False for result in results)
    if as_json:
        console.print_json({"ok": ok, "checks": results})
    else:
        for result in results:
            mark = {True: "ok", False: "FAILED", None: "skipped"}[result.ok]
            print(f"{mark:8}{result.name}: {console.printable_name(result.detail)}")
            if result.ok is False and result.remedy:
                print(f"        -> {console.printable_name(result.remedy)}")
    if not ok:
        raise typer.Exit(1)
