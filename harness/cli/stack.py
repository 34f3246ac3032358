"""``harness up``, ``harness down`` and ``harness deploy``: the local Prefect stack."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harness.cli import console

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
DEFAULT_PORT = 4200


def up(
    port: Annotated[
        int,
        typer.Option(min=1024, max=65535, envvar="HARNESS_PORT", help="Port of server and UI."),
    ] = DEFAULT_PORT,
    as_json: AsJson = False,
) -> None:
    """Start the local Prefect server, work pool, worker and deployments; print the UI's address.

    A running stack is found and left as it is.
    """
    from harness import stack
    from harness.settings import DataSettings, load

    with console.steps(quiet=as_json) as say:
        status = stack.up(load(DataSettings).data_dir, port=port, on_progress=say)
    if as_json:
        console.print_json(status)
        return
    print(f"Prefect UI:  {status.url}")
    print(f"API:         {status.api_url}")
    print(f"work pool:   {status.work_pool}")
    print("Stop with:   harness down")


def down(as_json: AsJson = False) -> None:
    """Stop what `harness up` started, flow runs included, and nothing else."""
    from harness import stack
    from harness.settings import DataSettings, load

    with console.steps(quiet=as_json) as say:
        stopped = stack.down(load(DataSettings).data_dir, on_progress=say)
    if as_json:
        console.print_json({"stopped": stopped})
    else:
        print("Stopped." if stopped else "Nothing was running.", file=sys.stdout)


def deploy(
    pool: Annotated[str, typer.Option(help="Type of the work pool: process or kubernetes.")] = (
        "process"
    ),
    prune: Annotated[
        bool, typer.Option(help="Also remove what was registered before and no longer exists.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register work pool, deployments, limits and automations with the Prefect server.

    Can be repeated: what exists keeps its id, and what was paused in the UI stays paused.

    The server is that of PREFECT_API_URL, or the one that `harness up` started.
    """
    from harness import stack
    from harness.errors import StackError, UsageError
    from harness.settings import DataSettings, PrefectSettings, load

    if pool not in {"process", "kubernetes"}:
        raise UsageError(f"{pool!r} is not a pool; --pool takes process or kubernetes")
    data_dir = load(DataSettings).data_dir
    url = load(PrefectSettings).api_url
    if not url:
        local = stack.status(data_dir)
        if local is None:
            raise StackError("no Prefect server; run `harness up`, or set PREFECT_API_URL")
        url = local.api_url
    changes = stack.deploy(data_dir, url=url, pool=pool, prune=prune)
    if as_json:
        console.print_json({"changes": changes})
        return
    for change in changes:
        print(f"{change.kind} {change.name}: {change.change}")
