"""``/api/v1/ask``: an answer with checked citations, as a stream or as one document.

A stream is server-sent events in this order: ``passages``, the envelope without a model's words;
any number of ``token`` (a piece of the model's text) and ``step`` (what the model does, in a line);
``answer``, the whole envelope; or ``error``. A client that goes away ends the question.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
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

STREAM = "text/event-stream"
"""The media type of a stream of server-sent events."""

Event = tuple[str, Mapping[str, Any]]
"""A kind, and what belongs to it."""

ALIVE: Event = ("", {})
"""Nothing has happened for a while; no proxy should cut the silent connection."""

_ALIVE_SECONDS = 15.0


class Question(BaseModel):
    """A question, and which part of the index it is about."""

    question: str = Field(
        min_length=1,
        max_length=20_000,
        description="In your words.",
        examples=["where is a cookie signed?"],
    )
    repo: str | None = Field(default=None, max_length=500, description="Only this repository.")
    lang: str | None = Field(default=None, max_length=100, description="Only this language.")
    path: str | None = Field(default=None, max_length=1_000, description="Only paths that match.")
    limit: int = Field(default=5, ge=1, le=50, description="Most passages.")
    model: bool = Field(default=True, description="False: passages only.")


@router.post("/ask", response_model=None)
async def ask(
    request: Request, question: Question, caller: Annotated[Caller, Depends(needs(Scope.ASK))]
) -> Response:
    """Answer a question. With ``Accept: text/event-stream`` the answer is a stream."""
    if STREAM in request.headers.get("accept", ""):
        return as_stream(await answering(request, question, caller))
    async with aclosing(await answering(request, question, caller, alive_seconds=1.0)) as events:
        async for kind, data in events:
            if kind in ("answer", "error"):
                return JSONResponse(dict(data), 200 if kind == "answer" else 500)
            if (kind, data) == ALIVE:
                await gives_up(request)
    raise HTTPException(500, "the question was not answered")


async def answering(
    request: Request, question: Question, caller: Caller, *, alive_seconds: float = _ALIVE_SECONDS
) -> AsyncGenerator[Event]:
    """Begin to answer. Whoever stops reading the events ends the question.

    :param alive_seconds: after so long without another event comes :data:`ALIVE`.
    :returns: the events of this module, ``answer`` or ``error`` last.
    :raises HTTPException: 429, the caller asks too much at once.
    :raises UsageError: the question cannot be searched for.
    """
    context = context_of(request)
    asked = Asked(question.question, question.repo, question.lang, question.path, question.limit)
    found = await find_passages(context, caller, asked)
    note(request, {passage.citation.repo for passage in found.passages}, question.question)
    if context.parts.open_assistant is None or not question.model:
        return _passages_only(found)
    return _events(found, begin(context, caller, asked, found), alive_seconds)


async def gives_up(request: Request) -> None:
    """Look whether whoever asks still waits.

    :raises HTTPException: 499, the client has gone away.
    """
    if await request.is_disconnected():
        raise HTTPException(499, "the client has gone away")


def as_stream(events: AsyncGenerator[Event]) -> StreamingResponse:
    """Send events as they come."""

    async def pieces() -> AsyncIterator[bytes]:
        async with aclosing(events):
            async for kind, data in events:
                # JSON has no raw line ends, so the data is one line.
                yield (
                    f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
                    if kind
                    else b": the model is working\n\n"
                )

    # A proxy such as nginx would collect the pieces otherwise.
    return StreamingResponse(pieces(), media_type=STREAM, headers={"X-Accel-Buffering": "no"})


async def _passages_only(found: Envelope) -> AsyncGenerator[Event]:
    yield "passages", found.to_dict()
    yield "answer", found.to_dict()


async def _events(
    found: Envelope, answering: Answering, alive_seconds: float
) -> AsyncGenerator[Event]:
    try:
        yield "passages", found.to_dict()
        while True:
            try:
                kind, data = await asyncio.wait_for(answering.events.get(), alive_seconds)
            except TimeoutError:
                yield ALIVE
                continue
            yield kind, data
            if kind in ("answer", "error"):
                return
    finally:
        answering.gone.set()
