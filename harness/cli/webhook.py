"""``harness webhook``: the receiver of git servers' webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import console

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from harness.stack.api import PrefectApi
    from harness.stack.servers import Server

# Further connections are answered 503; each one may hold a body in memory.
_MOST_CONNECTIONS = 256


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

    from harness.errors import StackError

    logging.getLogger("harness.webhook").setLevel(logging.INFO)
    app = configured_app()
    try:
        asyncio.run(_serve(app, host, port, as_json))
    except SystemExit:  # the server could not bind, and has logged why
        raise StackError(
            f"cannot listen on {host}:{port}; choose another one with --host and --port"
        ) from None


def configured_app() -> Starlette:
    """The service as the environment configures it.

    :raises InvalidSettingError: HARNESS_WEBHOOK_SECRET is missing, or a setting is wrong.
    """
    from harness.configured import open_store
    from harness.errors import InvalidSettingError
    from harness.settings import (
        DataSettings,
        PrefectSettings,
        StackSettings,
        WebhookSettings,
        load,
    )
    from harness.stack.servers import expected_server
    from harness.webhook.options import RequestLimits
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
    prefect, stack = load(PrefectSettings), load(StackSettings)

    def routes() -> dict[str, Target]:
        store = open_store()
        try:
            records = store.repositories()
        finally:
            store.close()
        return known_routes(records, data_dir=data.data_dir, mapping_file=settings.repositories)

    auth = prefect.auth_string.get_secret_value() if prefect.auth_string else None
    known: dict[Server, PrefectApi] = {}

    def api() -> PrefectApi:
        # The local server may be started later, or again with another password.
        server = expected_server(
            data.data_dir, prefect.api_url, auth, prefect.work_pool, stack.port
        )
        if server not in known:
            known.clear()
            # Kept, because a server with CSRF protection gives each new one a token first.
            known[server] = server.api(read_attempts=1)
        return known[server]

    return make_app(
        secret=secret.encode(),
        routes=Routes(routes),
        journal_path=data.data_dir.resolve() / "webhook" / "journal.jsonl",
        start=IndexRuns(api).start,
        limits=RequestLimits(settings.max_body_bytes, settings.tolerance_seconds),
    )


async def _serve(app: Starlette, host: str, port: int, as_json: bool) -> None:
    import uvicorn

    from harness.webhook.providers import PROVIDERS

    class Server(uvicorn.Server):
        """Prints its address once it listens."""

        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup(sockets=sockets)  # type: ignore[arg-type]
            if self.should_exit or not self.servers:
                return
            bound = self.servers[0].sockets[0].getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{bound}"
            if as_json:
                console.print_json({"url": url})
            else:
                names = ", ".join(spec.name for spec in PROVIDERS)
                print(f"Listening on {url}; hooks go to {url}/hooks/{names}")
            import sys

            sys.stdout.flush()

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="on",
        # No access log: URLs may contain secrets that senders should not have put there.
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=5,
    )
    await Server(config).serve()
