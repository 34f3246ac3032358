"""Listens with an ASGI application, and says where once it does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.errors import StackError

if TYPE_CHECKING:
    import uvicorn


async def listen(config: uvicorn.Config, announce: Callable[[str], None]) -> None:
    """Serve until the process is asked to end.

    :param config: see :func:`harness.connections.server_config`.
    :param announce: called with the address once it is listened on.
    :raises StackError: the address cannot be listened on.
    """
    import uvicorn

    from harness.repository.secret_rules import rule_set

    # The filter of the log reads its rules from files. A server that has no descriptor left says
    # so in its log, and would end by what the filter then raises.
    rule_set()
    host = config.host

    class Server(uvicorn.Server):
        """Tells its address once it listens."""

        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup(sockets=sockets)  # type: ignore[arg-type]
            if self.should_exit or not self.servers:
                return
            bound = self.servers[0].sockets[0].getsockname()[1]
            announce(f"http://{f'[{host}]' if ':' in host else host}:{bound}")
            sys.stdout.flush()

    try:
        await Server(config).serve()
    except SystemExit:  # the server could not bind, and has logged why
        raise StackError(
            f"cannot listen on {host}:{config.port}; choose another one with --host and --port"
        ) from None
