"""``harness mcp``."""

from __future__ import annotations


def mcp() -> None:
    """Serve search, ask and status to editors over MCP (stdio); needs the extra `mcp`.

    In an editor's configuration: command `harness`, arguments `["mcp"]`.
    """
    from harness.mcp_server import make_server

    make_server().run("stdio")
