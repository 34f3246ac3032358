"""``harness serve``: the team's page, API and MCP over HTTP."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console

if TYPE_CHECKING:
    from starlette.types import ASGIApp


_MOST_CONNECTIONS = 512
_HEADER_SECONDS = 10.0


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0: any free one. [HARNESS_SERVE_PORT]"),
    ] = None,
    login: Annotated[
        bool,
        typer.Option(
            "--login", help="Ask for a token on loopback, too: others share this machine."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, once it listens.")
    ] = False,
) -> None:
    """Serve search, answers and tasks to browsers, editors and scripts.

    On loopback no token is needed; on any other address each caller needs one (`harness tokens`).
    Ctrl-C stops it.
    """
    import asyncio
    import logging

    from harness.cli.listening import listen
    from harness.connections import Connections, server_config
    from harness.service.collecting import collected_by_the_minute

    logging.getLogger("harness.service").setLevel(logging.INFO)
    app, default_port = configured_app(host, login=login)
    address = default_port if port is None else port

    def announce(url: str) -> None:
        if as_json:
            console.print_json({"url": url})
        else:
            print(f"Serving on {url}; the API is at {url}/api/v1/openapi.json")

    connections = Connections(_MOST_CONNECTIONS, _HEADER_SECONDS)
    with collected_by_the_minute():
        asyncio.run(listen(server_config(app, connections, host, address), announce))


def configured_app(host: str, *, login: bool = False) -> tuple[ASGIApp, int]:
    """The service as the environment configures it, and the port for it.

    :param host: what it will listen on; decides whether tokens are needed.
    :param login: they are needed anyway.
    :raises InvalidSettingError: a setting is wrong.
    """
    from dataclasses import replace

    from harness.configured import open_tokens, service_parts
    from harness.service.app import make_app
    from harness.service.recognising import Recogniser
    from harness.settings import ServiceSettings, load

    settings = load(ServiceSettings)
    local = is_loopback(host)
    recogniser = Recogniser.build(login or not local, open_tokens(), settings.proxy())
    parts = replace(service_parts(), options=settings.options())
    return make_app(parts, recogniser, listens_locally=local), settings.port


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
