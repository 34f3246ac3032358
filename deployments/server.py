"""The local Prefect server, behind a guard: ``python -m deployments.server`` is what ``harness up``
starts. It reads Prefect's own settings, as ``prefect server start`` does.
"""

from __future__ import annotations

import sys

from harness.stack.guard import Guard


def main() -> None:
    """Serve until SIGTERM; ends at once without a password and CSRF protection."""
    from prefect.settings import get_current_settings

    server = get_current_settings().server
    secret = server.api.auth_string.get_secret_value() if server.api.auth_string else ""
    if not secret or not server.api.csrf_protection_enabled:
        sys.exit("no password or no CSRF protection; start the server with `harness up`")
    # These take seconds.
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(
        Guard(create_app(final=True), secret),
        host=server.api.host,
        port=server.api.port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
