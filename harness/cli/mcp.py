"""``harness mcp``."""

from __future__ import annotations


def mcp() -> None:
    """Serve the index to an editor over MCP (stdio): search, symbol, read_file, outline, map,
    related, ask, repositories, refresh.

    In an editor's configuration: command `harness`, arguments `["mcp"]`. The team's service has
    the same tools over HTTP (`harness serve`).
    """
    from harness.mcp_server import serve_stdio

    serve_stdio()
