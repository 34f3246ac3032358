"""``harness backup`` and ``harness restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console

if TYPE_CHECKING:
    from harness.backup.operations import Backups

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def _open() -> Backups:
    from harness.configured import open_backups

    return open_backups()


def backup(as_json: AsJson = False) -> None:
    """Copy the whole index into HARNESS_BACKUP_DIR, with checksums; old copies are removed."""
    with _open() as backups, console.steps(quiet=as_json) as step:
        report = backups.backup(step)
    if as_json:
        console.print_json(report)
        return
    megabytes = report.bytes / 1e6
    print(f"{report.name}: {report.points} chunks, {megabytes:.1f} MB, {report.seconds:.1f} s")
    print(f"In {console.printable(report.path)}")
    if report.removed:
        print(f"Removed: {', '.join(report.removed)}")


def restore(
    name: Annotated[str, typer.Argument(help="Name of a backup, or `latest`.")] = "latest",
    check: Annotated[
        bool, typer.Option("--check", help="Only try: restore beside the index and compare.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace the index by a backup; it is verified before anything is touched."""
    with _open() as backups, console.steps(quiet=as_json) as step:
        report = (backups.verify_restore if check else backups.restore)(name, step)
    if as_json:
        console.print_json(report)
        return
    done = "restored" if report.restored else "can be restored"
    print(
        f"{report.name}: {done} ({report.points} chunks, {report.samples} vectors compared, "
        f"{report.seconds:.1f} s)"
    )
