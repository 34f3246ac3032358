"""MCP over streamable HTTP, at ``/mcp``: an ASGI application behind the guard.

Stateless: each request stands for itself, so that any replica answers it and nothing of a client
is kept. The guard has checked Host, Origin and caller before; the package's own checks are off,
so that there is one home for each rule.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from harness.service.api_repositories import sync_run
from harness.service.context import Context
from harness.service.mcp.door import Door
from harness.service.mcp.server import Server
from harness.service.mcp.tools import Tools

PATH = "/mcp"


class McpEndpoint:
    """Answers MCP requests while :meth:`running` is open."""

    def __init__(self, context: Context) -> None:
        server = Server(Tools(context, Door(refresh=partial(sync_run, context))))
        server.streamable_http_app(
            stateless_http=True,
            max_request_body_size=context.parts.options.max_body_bytes,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._manager = server.session_manager
        self.route = Route(PATH, self)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take requests; can be opened once."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope["route"] = self.route  # what metrics and the audit log call it
        if scope["method"] != "POST":
            # There is no session to listen to or to end; clients expect this answer then.
            refused = JSONResponse(
                {"error": "MCP is spoken with POST here"}, 405, {"Allow": "POST"}
            )
            await refused(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)
