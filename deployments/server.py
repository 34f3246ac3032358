"""The Prefect server: ``python -m deployments.server`` is what ``harness up`` starts, behind a
guard that lets this machine in; with ``--published`` what the chart starts, for everybody who may
reach the pod. It reads Prefect's own settings, as ``prefect server start`` does.
"""

from __future__ import annotations

import argparse
import sys

from harness.stack.content_policy import Confined, published
from harness.stack.guard import Guard


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM; a local server ends at once without a password and CSRF protection."""
    parser = argparse.ArgumentParser(prog="python -m deployments.server", description=__doc__)
    parser.add_argument("--published", action="store_true", help="a server that others reach")
    parser.add_argument("--host", help="address to listen on (PREFECT_SERVER_API_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (PREFECT_SERVER_API_PORT)")
    options = parser.parse_args(arguments)

    from prefect.settings import get_current_settings

    server = get_current_settings().server
    secret = server.api.auth_string.get_secret_value() if server.api.auth_string else ""
    if not options.published and not (secret and server.api.csrf_protection_enabled):
        sys.exit("no password or no CSRF protection; start the server with `harness up`")
    # These take seconds.
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(final=True)
    uvicorn.run(
        Confined(app, published(server.ui.api_url)) if options.published else Guard(app, secret),
        host=options.host or server.api.host,
        port=options.port or server.api.port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
