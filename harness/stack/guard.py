"""What a request to the local Prefect server must pass before the server sees it: an ASGI
application around Prefect's own (deployments/server.py).

A web page that the owner happens to visit runs in a browser that reaches 127.0.0.1 as well.
The name in ``Host`` tells a page whose domain was pointed here (DNS rebinding), ``Origin`` one that
sends requests across sites, websockets included. Passwords and CSRF tokens are Prefect's own.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from harness.stack.content_policy import LOCAL, Confined
from harness.stack.login import LOGIN_PATH, MAX_CODE_BYTES, PAGE, PAGE_HEADERS, LoginCodes

_NAMES = frozenset({"127.0.0.1", "localhost"})


class Guard:
    """An ASGI application that answers what is refused, and the login page, by itself.

    :param app: what everything else is handed to.
    :param auth_string: ``user:password`` of the server, which a login link gives to a browser.
    """

    def __init__(self, app: ASGIApp, auth_string: str) -> None:
        self._app = app
        self._confined = Confined(app, LOCAL)
        self._codes = LoginCodes(auth_string)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, log in, or hand over."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = refusal(scope)
        if reason is not None:
            await _refuse(reason, scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == LOGIN_PATH:
            answer = await self._login(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await self._confined(scope, receive, send)

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(PAGE, media_type="text/html", headers=PAGE_HEADERS)
        if request.method != "POST":
            return PlainTextResponse("only GET and POST\n", 405)
        code = bytearray()
        try:
            async for piece in request.stream():
                code += piece
                if len(code) > MAX_CODE_BYTES:
                    return PlainTextResponse("no login code is that long\n", 413)
        except ClientDisconnect:
            return PlainTextResponse("the connection was cut\n", 400)
        password = self._codes.redeem(code.decode(errors="replace"))
        if password is None:
            return PlainTextResponse("used, ended or not genuine\n", 403)
        return JSONResponse({"password": password}, headers={"Cache-Control": "no-store"})


def refusal(scope: Scope) -> str | None:
    """Why a request is refused, None when it may pass.

    ``Host`` must name this machine. An ``Origin``, which browsers send with all that may change
    something, must be a page of this server: of its port, or of that of a tunnel to it.
    """
    hosts = _headers(scope, b"host")
    if len(hosts) != 1 or _name(hosts[0]) not in _NAMES:
        return "this server is reached as 127.0.0.1 or localhost only"
    port = _port(hosts[0])
    for origin in _headers(scope, b"origin"):
        scheme, separator, host = origin.partition("://")
        same = scheme in ("http", "https") and _name(host) in _NAMES and _port(host) == port
        if not separator or not same:
            return "pages of other sites may not use this server"
    return None


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _port(host: str) -> int | None:
    try:
        return urlsplit(f"//{host}").port
    except ValueError:
        return -1


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # Before it is accepted: the handshake is answered 403.
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    await PlainTextResponse(f"{reason}\n", 403)(scope, receive, send)
