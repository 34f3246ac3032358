"""Puts the service together: an ASGI application with its guard, endpoints and errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from harness import __version__
from harness.errors import HarnessError
from harness.service import (
    api_ask,
    api_files,
    api_repositories,
    api_search,
    api_tasks,
    health,
)
from harness.service.audit import Audit
from harness.service.callers import Caller
from harness.service.context import Context, Parts
from harness.service.guard import Guard
from harness.service.local_searches import local_searches
from harness.service.mcp.endpoint import McpEndpoint
from harness.service.metrics import Metrics
from harness.service.page import (
    ask_page,
    assets,
    file_page,
    map_page,
    repositories_page,
    search_page,
    session_page,
    tasks_page,
)
from harness.service.page.rendering import page
from harness.service.page.sizes import LanguageSizes
from harness.service.recognising import Recogniser
from harness.service.refusals import RETRY_AFTER, status_of
from harness.service.work import Work

logger = logging.getLogger(__name__)

API_MODULES = (api_search, api_files, api_ask, api_repositories, api_tasks, health)
PAGE_MODULES = (
    assets,
    session_page,
    search_page,
    file_page,
    map_page,
    ask_page,
    repositories_page,
    tasks_page,
)


def make_app(parts: Parts, recogniser: Recogniser, *, listens_locally: bool) -> ASGIApp:
    """The application; engines are opened when it starts to serve.

    :param listens_locally: it is bound to an address of this machine only.
    """
    context = Context(parts, Work(parts.open_engines, parts.options), Metrics())
    audit = Audit(parts.data_dir / "service" / "audit.jsonl", log_queries=parts.options.log_queries)

    mcp = McpEndpoint(context)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await context.work.readiness()  # the first request finds everything open
        try:
            async with mcp.running(), local_searches(context.work, parts.data_dir):
                yield
        finally:
            context.work.close()
            audit.close()

    app = FastAPI(
        title="Harness",
        version=__version__,
        description="Search, questions and tasks over the team's own repositories.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = context
    app.state.recogniser = recogniser
    app.state.language_sizes = LanguageSizes()
    for module in (*API_MODULES, *PAGE_MODULES):
        app.include_router(module.router)
    app.router.routes.append(mcp.route)
    _answer_errors(app)
    return Guard(
        app, recogniser, parts.options, audit, context.metrics, listens_locally=listens_locally
    )


def _answer_errors(app: FastAPI) -> None:
    """Every error is one line, and says what to do about it: JSON, ``error``, or a page."""

    @app.exception_handler(HarnessError)
    async def ours(request: Request, error: HarnessError) -> Response:
        code = status_of(error)
        if code == 500:
            logger.error("%s", error)
        return _error(request, code, str(error), RETRY_AFTER if code == 503 else None)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        return _error(request, error.status_code, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _error(request, 422, f"{where}: {str(first['msg']).lower()}")


def _error(
    request: Request, code: int, said: str, headers: Mapping[str, str] | None = None
) -> Response:
    is_api = request.url.path.startswith(("/api/", "/healthz", "/readyz", "/metrics"))
    if is_api or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": said}, code, headers)
    caller: Caller | None = getattr(request.state, "caller", None)
    answer = page(request, caller, "error.html", code, message=said)
    answer.headers.update(headers or {})
    return answer
