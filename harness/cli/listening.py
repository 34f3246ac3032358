"""Listens with an ASGI application, and says where once it does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.errors import StackError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


async def listen(
    app: ASGIApp, host: str, port: int, announce: Callable[[str], None], most_connections: int
) -> None:
    """Serve until the process is asked to end.

    :param port: 0 takes any free one.
    :param announce: called with the address once it is listened on.
    :param most_connections: further ones are answered 503.
    :raises StackError: the address cannot be listened on.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Tells its address once it listens."""

        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup(sockets=sockets)  # type: ignore[arg-type]
            if self.should_exit or not self.servers:
                return
            bound = self.servers[0].sockets[0].getsockname()[1]
            announce(f"http://{f'[{host}]' if ':' in host else host}:{bound}")
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
        # Who is asked here is decided by the connection's address, never by a header.
        proxy_headers=False,
        limit_concurrency=most_connections,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )
    try:
        await Server(config).serve()
    except SystemExit:  # the server could not bind, and has logged why
        raise StackError(
            f"cannot listen on {host}:{port}; choose another one with --host and --port"
        ) from None
