"""``/api/v1/ask``: an answer with checked citations, as a stream or as one document.

A stream is server-sent events in this order: ``passages``, the envelope without a model's words;
any number of ``token`` (a piece of the model's text) and ``step`` (what the model does, in a line);
``answer``, the whole envelope; or ``error``. A client that goes away ends the question.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from harness.agent.envelope import Envelope
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs, note
from harness.service.questions import Answering, Asked, begin, find_passages

router = APIRouter(prefix="/api/v1", tags=["ask"])

_STREAM = "text/event-stream"
_ALIVE_SECONDS = 15.0


class Question(BaseModel):
    """A question, and which part of the index it is about."""

    question: str = Field(min_length=1, max_length=20_000, examples=["where is a cookie signed?"])
    repo: str | None = Field(default=None, max_length=500)
    lang: str | None = Field(default=None, max_length=100)
    path: str | None = Field(default=None, max_length=1_000)
    limit: int = Field(default=5, ge=1, le=50, description="Most passages.")
    model: bool = Field(default=True, description="False: passages only.")


@router.post("/ask", response_model=None)
async def ask(
    request: Request, question: Question, caller: Annotated[Caller, Depends(needs(Scope.ASK))]
) -> Response:
    """Answer a question. With ``Accept: text/event-stream`` the answer is a stream."""
    context = context_of(request)
    asked = Asked(question.question, question.repo, question.lang, question.path, question.limit)
    found = await find_passages(context, caller, asked)
    note(request, {passage.citation.repo for passage in found.passages}, question.question)
    streams = _STREAM in request.headers.get("accept", "")
    if context.parts.open_assistant is None or not question.model:
        if not streams:
            return JSONResponse(found.to_dict())
        return _stream(_passages_only(found))
    answering = begin(context, caller, asked, found)
    if streams:
        return _stream(_events(found, answering))
    try:
        while True:
            kind, data = await _next(request, answering)
            if kind in ("answer", "error"):
                return JSONResponse(dict(data), 200 if kind == "answer" else 500)
    finally:
        answering.gone.set()


async def _passages_only(found: Envelope) -> AsyncIterator[bytes]:
    yield _event("passages", found.to_dict())
    yield _event("answer", found.to_dict())


async def _events(found: Envelope, answering: Answering) -> AsyncIterator[bytes]:
    try:
        yield _event("passages", found.to_dict())
        while True:
            try:
                kind, data = await asyncio.wait_for(answering.events.get(), _ALIVE_SECONDS)
            except TimeoutError:
                yield b": the model is working\n\n"  # so that no proxy cuts a silent connection
                continue
            yield _event(kind, data)
            if kind in ("answer", "error"):
                return
    finally:
        answering.gone.set()


async def _next(request: Request, answering: Answering) -> tuple[str, Mapping[str, Any]]:
    while True:
        try:
            return await asyncio.wait_for(answering.events.get(), 1.0)
        except TimeoutError:
            if await request.is_disconnected():
                raise HTTPException(499, "the client has gone away") from None


def _stream(body: AsyncIterator[bytes]) -> StreamingResponse:
    # A proxy such as nginx would collect the pieces otherwise.
    return StreamingResponse(body, media_type=_STREAM, headers={"X-Accel-Buffering": "no"})


def _event(kind: str, data: Mapping[str, Any]) -> bytes:
    # JSON has no raw line ends, so the data is one line.
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
