"""Health, readiness and metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from harness.engines import Engines
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs
from harness.service.metrics import CONTENT_TYPE
from harness.types import RepositoryRecord

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, bool]:
    """Whether the process answers."""
    return {"ok": True}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Whether store and model answer; 503 with the reason while they do not."""
    ready, detail = await context_of(request).work.readiness()
    # Anybody may ask, so only what cannot help an attacker is said.
    document = {"ok": ready, "detail": "" if ready else detail[:300]}
    return JSONResponse(document, 200 if ready else 503, {} if ready else {"Retry-After": "2"})


@router.get("/metrics", response_class=Response)
async def metrics(
    request: Request, caller: Annotated[Caller, Depends(needs(Scope.READ))]
) -> Response:
    """Prometheus metrics; of repositories only those that the caller may see."""
    context = context_of(request)

    def records(engines: Engines) -> list[RepositoryRecord]:
        sees = caller.visible()
        return [record for record in engines.store.repositories() if sees(record.name)]

    context.metrics.waiting.set(context.work.waiting)
    found = await context.work.search(records)
    return Response(context.metrics.text(found), media_type=CONTENT_TYPE)
