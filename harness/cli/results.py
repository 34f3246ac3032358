"""``harness results``: what tasks yielded, wherever it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson


def list_(as_json: AsJson = False) -> None:
    """List results of tasks and questions, the newest last: HARNESS_RESULTS_URL, or this machine's
    HARNESS_RESULTS_DIR."""
    from datetime import UTC, datetime

    from harness.configured import open_results

    listed = open_results().listed()
    rows = [
        {
            "name": result.name,
            "location": result.location,
            "files": result.files,
            "changed_at": datetime.fromtimestamp(result.changed_at, UTC).isoformat(
                timespec="seconds"
            ),
        }
        for result in listed
        if result.files
    ]
    if as_json:
        console.print_json({"results": rows})
        return
    if not rows:
        print("There are no results yet.")
    for row, result in zip(rows, (one for one in listed if one.files), strict=True):
        print(
            f"{console.printable_name(result.name)}  {row['changed_at']}  {', '.join(result.files)}"
        )


def get(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A result; a flow run's is run-<its id>.")
    ],
    to: Annotated[
        Path | None, typer.Option(help="A folder that is made. Default: one of that name here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy the files of one result here; encrypted ones need HARNESS_RESULTS_KEY or its file."""
    from harness.configured import open_results
    from harness.home import from_home

    target = (from_home(to) if to is not None else Path(Path(name).name)).absolute()
    files = open_results().fetch(name, target)
    if as_json:
        console.print_json({"name": name, "path": str(target), "files": files})
        return
    print(f"{console.printable_name(str(target))}: {', '.join(files)}")
