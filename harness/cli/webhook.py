"""``harness webhook``: the receiver of git servers' webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from harness.connections import Connections
    from harness.webhook.events import Push


def webhook(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = 8080,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, once it listens.")
    ] = False,
) -> None:
    """Receive pushes of GitHub, GitLab, Gitea and others, and index what was pushed.

    HARNESS_WEBHOOK_SECRET is the secret shared with the git server. Ctrl-C stops it.
    """
    import asyncio
    import logging

    from harness.cli.listening import listen
    from harness.connections import server_config
    from harness.webhook.providers import PROVIDERS

    logging.getLogger("harness.webhook").setLevel(logging.INFO)
    app, connections = configured_app()

    def announce(url: str) -> None:
        if as_json:
            console.print_json({"url": url})
        else:
            names = ", ".join(spec.name for spec in PROVIDERS)
            print(f"Listening on {url}; hooks go to {url}/hooks/{names}")

    asyncio.run(listen(server_config(app, connections, host, port), announce))


def configured_app() -> tuple[Starlette, Connections]:
    """The service as the environment configures it, and the connections that it serves.

    :raises InvalidSettingError: HARNESS_WEBHOOK_SECRET is missing, or a setting is wrong.
    """
    from harness.configured import open_engines, open_store, prefect_apis
    from harness.connections import Connections
    from harness.errors import InvalidSettingError
    from harness.settings import DataSettings, WebhookSettings, load
    from harness.webhook.options import RequestLimits
    from harness.webhook.registering import read_owners, register_push
    from harness.webhook.routes import Routes, Target, known_routes, read_mapping
    from harness.webhook.runs import IndexRuns
    from harness.webhook.service import make_app

    settings = load(WebhookSettings)
    secret = settings.secret.get_secret_value() if settings.secret else ""
    if not secret:
        raise InvalidSettingError(
            "HARNESS_WEBHOOK_SECRET is not set; make one with `openssl rand -hex 32` and give it "
            "to the git server as well"
        )
    if settings.repositories is not None:
        read_mapping(settings.repositories)  # refuse a broken one now, not at the first push
    data = load(DataSettings)

    def routes() -> dict[str, Target]:
        store = open_store()
        try:
            records = store.repositories()
        finally:
            store.close()
        return known_routes(records, mapping_file=settings.repositories)

    owners = read_owners(settings.register_owners)

    def register(push: Push) -> Target | None:
        with open_engines() as engines:
            return register_push(push, owners, engines)

    limits = RequestLimits(settings.max_body_bytes, settings.tolerance_seconds)
    connections = Connections(limits.max_connections, limits.header_seconds)
    app = make_app(
        secret=secret.encode(),
        routes=Routes(routes),
        journal_path=data.data_dir.resolve() / "webhook" / "journal.jsonl",
        start=IndexRuns(prefect_apis()).start,
        limits=limits,
        connections=connections,
        register=register if owners else None,
    )
    return app, connections
