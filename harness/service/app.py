"""Puts the service together: an ASGI application with its guard, endpoints and errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from harness import __version__
from harness.errors import (
    HarnessError,
    ModelMissingError,
    RepositoryNotFoundError,
    TransientError,
    UsageError,
)
from harness.service import (
    api_ask,
    api_files,
    api_repositories,
    api_search,
    api_tasks,
    health,
)
from harness.service.audit import Audit
from harness.service.context import Context, Parts
from harness.service.guard import Guard
from harness.service.mcp.endpoint import McpEndpoint
from harness.service.metrics import Metrics
from harness.service.recognising import Recogniser
from harness.service.work import Work

logger = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "2"}


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
            async with mcp.running():
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
    for module in (api_search, api_files, api_ask, api_repositories, api_tasks, health):
        app.include_router(module.router)
    app.router.routes.append(mcp.route)
    _answer_errors(app)
    return Guard(
        app, recogniser, parts.options, audit, context.metrics, listens_locally=listens_locally
    )


def _answer_errors(app: FastAPI) -> None:
    """Every error is one line of JSON, ``error``, and says what to do about it."""

    @app.exception_handler(HarnessError)
    async def ours(_: Request, error: HarnessError) -> JSONResponse:
        if isinstance(error, TransientError):
            return JSONResponse({"error": str(error)}, 503, _RETRY_AFTER)
        code = 500
        if isinstance(error, RepositoryNotFoundError):
            code = 404
        elif isinstance(error, UsageError):
            code = 400
        elif isinstance(error, ModelMissingError):
            code = 501
        else:
            logger.error("%s", error)
        return JSONResponse({"error": str(error)}, code)

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"error": f"{where}: {str(first['msg']).lower()}"}, 422)
