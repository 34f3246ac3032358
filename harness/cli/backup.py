"""``harness backup`` and ``harness restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson

if TYPE_CHECKING:
    from harness.backup.operations import Backups


def _open() -> Backups:
    from harness.configured import open_backups

    return open_backups()


def backup(as_json: AsJson = False) -> None:
    """Copy the whole index, and Prefect's database, into HARNESS_BACKUP_DIR, with checksums; old
    copies are removed."""
    with _open() as backups, console.steps(quiet=as_json) as step:
        report = backups.backup(step)
    if as_json:
        console.print_json(report)
        return
    megabytes = report.bytes / 1e6
    runs = f", {report.prefect.flow_runs} flow runs" if report.prefect else ""
    print(
        f"{report.name}: {report.points} chunks{runs}, {megabytes:.1f} MB, {report.seconds:.1f} s"
    )
    print(f"In {console.printable_name(report.path)}")
    if report.prefect_missing:
        console.note(report.prefect_missing)
    if report.removed:
        print(f"Removed: {', '.join(report.removed)}")


def restore(
    name: Annotated[str, typer.Argument(help="Name of a backup, or `latest`.")] = "latest",
    check: Annotated[
        bool, typer.Option("--check", help="Only try: restore beside the index and compare.")
    ] = False,
    prefect: Annotated[
        bool,
        typer.Option("--prefect", help="Also replace Prefect's database; stop its server first."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace the index with a backup; it is verified before anything is touched."""
    with _open() as backups, console.steps(quiet=as_json) as step:
        if check:
            report = backups.verify_restore(name, step)
        else:
            report = backups.restore(name, step, with_prefect=prefect)
    if report.prefect_restored and report.prefect and report.prefect.kind == "postgres":
        _end_runs()  # `harness up` does that for the local server
    if as_json:
        console.print_json(report)
        return
    done = "restored" if report.restored else "can be restored"
    print(
        f"{report.name}: {done} ({report.points} chunks, {report.samples} vectors compared, "
        f"{report.seconds:.1f} s)"
    )
    if report.prefect_restored and report.prefect:
        print(f"Prefect: {report.prefect.flow_runs} flow runs are back; {report.next_step}")
    elif report.prefect and report.restored:
        print("Prefect's database is in this backup, too; --prefect restores it.")


def _end_runs() -> None:
    """Correct the state of runs that were under way when the backup was made."""
    from harness.configured import prefect_apis
    from harness.errors import HarnessError
    from harness.settings import PrefectSettings, load
    from harness.stack.runs import end_orphans

    try:
        end_orphans(prefect_apis()(), load(PrefectSettings).work_pool)
    except HarnessError as error:
        console.note(
            f"runs of the backup are still shown as running ({error}); cancel them in Prefect's UI"
        )
