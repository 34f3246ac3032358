"""The HTTP side: ``POST /hooks/<provider>``, ``GET /healthz``, ``GET /metrics``.

The size of a request is checked, then its signature, form, repository and branch; what passes is on
disk before it is answered. Answers are small JSON documents with a ``status``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harness.connections import Connections
from harness.errors import HarnessError, UsageError
from harness.webhook.delivery import Dispatcher, Start
from harness.webhook.events import Ignored, Push
from harness.webhook.journal import Delivery, Journal
from harness.webhook.metrics import CONTENT_TYPE, Metrics
from harness.webhook.options import RequestLimits
from harness.webhook.providers import PROVIDERS, ProviderSpec
from harness.webhook.registering import Register
from harness.webhook.routes import Routes, Target
from harness.webhook.signatures import Verifier

logger = logging.getLogger(__name__)

_BODY_SECONDS = 20.0
_RETRY_AFTER_SECONDS = "30"
_KEPT = "the push is kept, and handed over once Prefect answers; do not send it again"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a delivery: HTTP code and JSON document, ``status`` and then ``fields``."""

    code: int
    status: str
    fields: Mapping[str, object]


class Receiver:
    """Answers deliveries; what the requests share.

    :param secret: the shared secret, not empty.
    :param start: starts a run, see :class:`Dispatcher`.
    :param register: adds repositories that nobody has registered; None: a push never does.
    """

    def __init__(
        self,
        secret: bytes,
        routes: Routes,
        journal: Journal,
        start: Start,
        limits: RequestLimits,
        register: Register | None = None,
    ) -> None:
        self._secret = secret
        self._routes = routes
        self._limits = limits
        self._register = register
        self.journal = journal
        self.metrics = Metrics()
        self.dispatcher = Dispatcher(journal, start, self.metrics)

    async def hook(self, request: Request, provider: ProviderSpec) -> Response:
        """Answer one delivery over HTTP, and count it."""
        answer = await self._receive(request, provider)
        self.metrics.deliveries[provider.name, answer.status] += 1
        headers = {"Retry-After": _RETRY_AFTER_SECONDS} if answer.code == 503 else None
        return JSONResponse({"status": answer.status, **answer.fields}, answer.code, headers)

    async def _receive(self, request: Request, provider: ProviderSpec) -> Answer:
        body = await self._genuine_body(request, provider)
        if isinstance(body, Answer):
            return body
        try:
            event = provider.read_event(request.headers, body)
        except UsageError as error:
            return Answer(400, "malformed", {"reason": str(error)})
        if isinstance(event, Ignored):
            return Answer(202, "ignored", {"reason": event.reason})
        target = await self._target(event)
        if isinstance(target, Answer):
            return target
        expected = target.branch or event.default_branch
        if event.branch and expected and event.branch != expected:
            reason = f"the indexed branch is {expected}"
            return Answer(202, "ignored", {"repository": target.name, "reason": reason})
        keys = provider.delivery_keys(request.headers, body)
        known = self.journal.seen(keys)
        if known is not None:
            if self.journal.is_pending(target.name, known) and self.metrics.prefect_up is False:
                return Answer(503, "kept", {"repository": target.name, "reason": _KEPT})
            return Answer(202, "replayed", {"repository": target.name})
        try:
            delivery = await self.journal.accept(
                target.name, target.source, event.commit, keys, time.time()
            )
        except HarnessError as error:
            return Answer(503, "not_kept", {"reason": str(error)})
        return await self._hand_over(delivery)

    async def _genuine_body(self, request: Request, provider: ProviderSpec) -> bytes | Answer:
        """The body of a request that is small enough and whose signature is right."""
        signature = provider.signature
        # Without a signature there is no reason to read the body.
        if not request.headers.get(signature.header):
            return Answer(401, "refused", {"reason": f"no {signature.header} header"})
        limit = self._limits.max_body_bytes
        too_large = Answer(413, "too_large", {"reason": f"more than {limit} bytes"})
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            return too_large
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for piece in request.stream():
                    body += piece
                    if len(body) > limit:
                        return too_large
        except TimeoutError:
            return Answer(408, "too_slow", {"reason": "the body did not arrive in time"})
        except ClientDisconnect:
            return Answer(400, "malformed", {"reason": "the connection was cut"})
        verifier = Verifier(self._secret, time.time(), self._limits.tolerance_seconds)
        refusal = signature.refusal(request.headers, bytes(body), verifier)
        if refusal is not None:
            logger.warning("a %s delivery was refused: %s", provider.name, refusal)
            return Answer(401, "refused", {"reason": refusal})
        return bytes(body)

    async def _target(self, event: Push) -> Target | Answer:
        try:
            target = self._routes.cached(event.urls)
            if target is None:
                target = await asyncio.to_thread(self._routes.find, event.urls)
            if target is None and self._register is not None:
                target = await asyncio.to_thread(self._register, event)
        except HarnessError as error:
            logger.error("the list of repositories cannot be read: %s", error)
            reason = "the list of repositories cannot be read now; send it again later"
            return Answer(503, "not_kept", {"reason": reason})
        if target is None:
            reason = "no indexed repository has this address; index it, or add it to the mapping"
            return Answer(404, "unknown", {"reason": reason})
        return target

    async def _hand_over(self, delivery: Delivery) -> Answer:
        fields = {"repository": delivery.name, "commit": delivery.commit}
        try:
            run = await self.dispatcher.hand_over(delivery, self._limits.answer_seconds)
        except UsageError as error:
            return Answer(422, "failed", {**fields, "reason": str(error)})
        except HarnessError:
            return Answer(503, "kept", {**fields, "reason": _KEPT})
        except TimeoutError:
            return Answer(202, "queued", {**fields, "run": None})
        return Answer(202, "accepted", {**fields, "run": run.id})


def make_app(
    *,
    secret: bytes,
    routes: Routes,
    journal_path: Path,
    start: Start,
    limits: RequestLimits | None = None,
    connections: Connections | None = None,
    register: Register | None = None,
) -> Starlette:
    """Build the ASGI application; the journal is opened when the server starts it.

    :param secret: shared with the git servers.
    :param connections: those of the server that runs it, for the metrics.
    :param register: as :class:`Receiver` has it.
    :raises ValueError: the secret is empty.
    """
    if not secret:
        raise ValueError("the secret is empty")
    receivers: list[Receiver] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with Journal(journal_path) as journal:
            asked = limits or RequestLimits()
            receiver = Receiver(secret, routes, journal, start, asked, register)
            async with receiver.dispatcher:
                receivers[:] = [receiver]
                yield

    def hook(provider: ProviderSpec) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await receivers[0].hook(request, provider)

        return endpoint

    async def healthz(_request: Request) -> Response:
        # Healthy even while Prefect is down: pushes are kept meanwhile.
        receiver = receivers[0]
        words = {True: "up", False: "down", None: "unknown"}
        return JSONResponse(
            {
                "ok": True,
                "pending": len(receiver.journal.pending),
                "prefect": words[receiver.metrics.prefect_up],
            }
        )

    async def metrics(_request: Request) -> Response:
        journal = receivers[0].journal
        page = receivers[0].metrics.text(
            dropped=connections.dropped if connections is not None else 0,
            pending=len(journal.pending),
            journal_bytes=journal.size_bytes,
        )
        return Response(page, media_type=CONTENT_TYPE)

    return Starlette(
        routes=[
            *(
                Route(f"/hooks/{spec.name}", hook(spec), methods=["POST"], name=spec.name)
                for spec in PROVIDERS
            ),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
        ],
        lifespan=lifespan,
    )
