"""What every request passes before it reaches an endpoint: an ASGI middleware.

In this order: the Host (DNS rebinding), the Origin (requests that another site's page makes a
browser send), what is sent twice or in masses, the caller, the rate, the body's size and time.
What is refused gets one line of JSON. Every answer carries headers that keep a browser from
loading or being used for anything else; every request of a known caller is a line of the audit log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.errors import HarnessError
from harness.service.audit import Audit
from harness.service.callers import Caller
from harness.service.metrics import Metrics
from harness.service.options import ServiceOptions
from harness.service.recognising import COOKIE, Recogniser

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/logout"})
"""What is answered to anybody; also what is below ``/static/``."""

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_CALLERS = 10_000
# FastAPI takes time with the square of their number: 8,000, which fit into a request's line, keep
# everybody waiting for three seconds.
_MAX_PARAMETERS = 300
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


_LATER = {"Retry-After": "5"}

_Asking = tuple[bool, str]
"""A known caller and its name, or nobody known and an address."""


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class Guard:
    """The middleware.

    :param listens_locally: the service's address is one of this machine's own.
    """

    def __init__(
        self,
        app: ASGIApp,
        recogniser: Recogniser,
        options: ServiceOptions,
        audit: Audit,
        metrics: Metrics,
        *,
        listens_locally: bool,
    ) -> None:
        self._app = app
        self._recogniser = recogniser
        self._options = options
        self._audit = audit
        self._metrics = metrics
        self._hosts = {host.lower() for host in options.hosts} | (
            _LOCAL_HOSTS if listens_locally or options.hosts else set()
        )
        proxy = recogniser.proxy
        self._told_once = ("authorization", "origin", proxy.user_header, proxy.groups_header)
        self._allowances: OrderedDict[_Asking, _Allowance] = OrderedDict()
        self._under_way: Counter[_Asking] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websockets here
            return
        began = time.monotonic()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                known = {name for name, _ in message.get("headers", ())}
                extra = [header for header in _HEADERS if header[0] not in known]
                if b"cache-control" not in known:
                    extra.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        request = Request(scope)
        caller = self._admitted(request)
        if isinstance(caller, Response):
            await caller(scope, receive, answer)
        else:
            scope["state"] = {**scope.get("state", {}), "caller": caller}
            asking = self._asking(request, caller)
            if self._under_way[asking] >= self._options.requests_at_once:
                await _refused(429, "your other requests are still being answered", _LATER)(
                    scope, receive, answer
                )
            else:
                self._under_way[asking] += 1
                try:
                    await self._carry_out(scope, receive, answer)
                finally:
                    self._under_way[asking] -= 1
                    if not self._under_way[asking]:
                        del self._under_way[asking]
        seconds = time.monotonic() - began
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if isinstance(caller, Caller):
            self._audit.note(caller, request, status, seconds)

    def _admitted(self, request: Request) -> Caller | Response | None:
        """Who sends a request, None for an open path; or the refusal."""
        if not self._is_our_host(request):
            return _refused(421, "this service is not called that; see HARNESS_SERVE_HOSTS")
        if not _is_same_origin(request):
            return _refused(403, "requests of other sites' pages are refused")
        path = request.url.path
        if path == "/healthz":
            # Who asks too much from the probes' address, such as that of a proxy or a node, must
            # not have the service restarted.
            return None
        for name in self._told_once:
            # A proxy that adds its own to what it was sent would leave the choice to the client.
            if len(request.headers.getlist(name)) > 1:
                return _refused(400, f"the header {name} is there twice")
        if request.scope["query_string"].count(b"&") >= _MAX_PARAMETERS:
            return _refused(400, f"there are more than {_MAX_PARAMETERS} parameters")
        is_open = path in OPEN_PATHS or path.startswith("/static/")
        client = request.client.host if request.client else ""
        headers = dict(request.headers.items())
        cookies = cookie_parser(headers.get("cookie", ""))
        try:
            caller = self._recogniser.caller(client, headers, cookies)
        except HarnessError as error:
            logger.error("%s", error)
            caller = None
        if not self._within_rate(self._asking(request, caller)):
            return _refused(429, "too many requests; slow down", _LATER)
        if is_open:
            return None
        if caller is not None:
            return caller
        if "text/html" in headers.get("accept", "") and request.method == "GET":
            there = quote(f"{path}?{request.url.query}" if request.url.query else path, safe="/")
            return Response(status_code=303, headers={"Location": f"/login?next={there}"})
        known = "authorization" in headers or COOKIE in cookies
        reason = "the token is unknown, revoked or has expired" if known else "a token is needed"
        return _refused(
            401,
            f"{reason}; an administrator makes one with `harness tokens create`",
            {"WWW-Authenticate": "Bearer"},
        )

    def _asking(self, request: Request, caller: Caller | None) -> _Asking:
        """Whose limits count."""
        if caller is not None:
            return True, caller.name
        client = request.client.host if request.client else ""
        forwarded = request.headers.getlist("x-forwarded-for")
        return False, self._recogniser.address(client, forwarded)

    def _is_our_host(self, request: Request) -> bool:
        if not self._hosts:
            return True
        named = request.headers.get("host", "")
        try:
            host = urlsplit(f"//{named}").hostname
        except ValueError:
            return False
        if any(mark in named for mark in "/?#@\\"):
            return False  # more than a host and a port
        # Probes of Kubernetes ask by the pod's address.
        return (host or "").rstrip(".") in self._hosts or request.url.path in (
            "/healthz",
            "/readyz",
        )

    def _within_rate(self, who: _Asking) -> bool:
        now = time.monotonic()
        per_second = self._options.requests_per_minute / 60
        burst = max(10.0, self._options.requests_per_minute / 10)
        one = self._allowances.pop(who, None) or _Allowance(burst, now)
        one.left = min(burst, one.left + (now - one.at) * per_second)
        one.at = now
        allowed = one.left >= 1
        one.left -= allowed
        self._allowances[who] = one
        if len(self._allowances) > _MAX_CALLERS:
            self._allowances.popitem(last=False)
        return allowed

    async def _carry_out(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._options.max_body_bytes
        too_large = HTTPException(413, f"the body has more than {limit} bytes")
        deadline = time.monotonic() + self._options.body_seconds
        left = limit
        whole = False

        async def bounded() -> Message:
            nonlocal left, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the body did not arrive in time") from None
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if left < 0:
                    raise too_large
            return message

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit:
            answer = _refused(413, too_large.detail, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        await self._app(scope, bounded, send)


def _is_same_origin(request: Request) -> bool:
    """Whether a request is not another site's: a browser says so with one of two headers, which
    a page cannot forge; what is no browser sends neither."""
    origin = request.headers.get("origin")
    if origin is not None:
        try:
            same = urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
        except ValueError:
            return False
        return same
    site = request.headers.get("sec-fetch-site", "none")
    # Following a link from elsewhere is harmless: it changes nothing, and the other site sees
    # nothing of the answer.
    return site in ("none", "same-origin") or (
        request.method in ("GET", "HEAD") and request.headers.get("sec-fetch-mode") == "navigate"
    )


def _refused(code: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": reason}, code, headers)
