"""``harness up``, ``harness down`` and ``harness deploy``: the local Prefect stack."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console
from harness.cli.options import AsJson

if TYPE_CHECKING:
    from harness.stack.servers import Server


def up(
    port: Annotated[
        int | None,
        typer.Option(
            min=1024, max=65535, help="Port of server and UI; takes precedence over HARNESS_PORT."
        ),
    ] = None,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Also start the page and the API.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Start the local Prefect server, work pool, worker and deployments, and the service with the
    page; print the addresses.

    A running stack is found and left as it is. An address logs a browser in, once; for another
    browser, or after an hour, run it again.
    """
    import shlex
    from dataclasses import asdict

    from harness.configured import open_tokens
    from harness.service.links import login_link
    from harness.settings import DataSettings, PrefectSettings, ServiceSettings, StackSettings, load
    from harness.stack import lifecycle
    from harness.stack.options import StackOptions

    data_dir = load(DataSettings).data_dir
    settings = load(StackSettings)
    options = StackOptions(
        port=settings.port if port is None else port,
        start_timeout_seconds=settings.start_timeout_seconds,
        work_pool=load(PrefectSettings).work_pool,
        serve=page,
        service_port=load(ServiceSettings).port,
    )
    with console.steps(quiet=as_json) as say:
        status = lifecycle.up(data_dir, options, on_progress=say)
    link = lifecycle.new_login_url(data_dir)
    service = login_link(open_tokens(), status.service_url) if status.service_url else ""
    profile = lifecycle.profile_file(data_dir)
    if as_json:
        added = {
            "login_url": link,
            "service_login_url": service,
            "prefect_profiles_path": str(profile),
        }
        console.print_json(asdict(status) | added)
        return
    print(f"Prefect UI:  {link}")
    print(f"             (logs a browser in, once, within an hour; then it is {status.url})")
    if service:
        print(f"Page:        {service}")
        print(f"             (also once, within an hour; then it is {status.service_url})")
    print(f"API:         {status.api_url}")
    print(f"work pool:   {status.work_pool}")
    print(f"for prefect: export PREFECT_PROFILES_PATH={shlex.quote(str(profile))}")
    print("Stop with:   harness down")


def down(as_json: AsJson = False) -> None:
    """Stop what `harness up` started, flow runs included, and nothing else."""
    from harness.settings import DataSettings, load
    from harness.stack import lifecycle

    with console.steps(quiet=as_json) as say:
        stopped = lifecycle.down(load(DataSettings).data_dir, on_progress=say)
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
    from harness.errors import UsageError
    from harness.settings import DataSettings, load
    from harness.stack import lifecycle

    if pool not in {"process", "kubernetes"}:
        raise UsageError(f"{pool!r} is not a pool; --pool takes process or kubernetes")
    data_dir = load(DataSettings).data_dir
    server = configured_server()
    changes = lifecycle.deploy(
        data_dir,
        url=server.api_url,
        pool_type=pool,
        work_pool=server.work_pool,
        prune=prune,
    )
    if as_json:
        console.print_json({"changes": changes})
        return
    for change in changes:
        print(f"{change.kind} {change.name}: {change.change}")


def configured_server() -> Server:
    """The server of PREFECT_API_URL, or the one that `harness up` started.

    :raises StackError: neither is there.
    """
    from harness.errors import StackError
    from harness.settings import DataSettings, PrefectSettings, load
    from harness.stack.servers import chosen_server

    settings = load(PrefectSettings)
    secret = settings.auth_string.get_secret_value() if settings.auth_string else None
    data_dir = load(DataSettings).data_dir
    server = chosen_server(data_dir, settings.api_url, secret, settings.work_pool)
    if server is None:
        raise StackError("no Prefect server; run `harness up`, or set PREFECT_API_URL")
    return server
