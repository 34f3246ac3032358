"""``/api/v1/ask``: an answer with checked citations, as a stream or as one document.

A stream is server-sent events in this order: ``passages``, the envelope without a model's words;
any number of ``token`` (a piece of the model's text) and ``step`` (what the model does, in a line);
``answer``, the whole envelope; or ``error``. A client that goes away ends the question.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from harness.agent.envelope import Envelope
from harness.agent.events import AgentEvent, EventKind, as_line
from harness.answers.answering import answer_with_agent, beside_passages
from harness.answers.passages import answer_with_passages
from harness.engines import Engines
from harness.errors import HarnessError, PermanentError
from harness.service.callers import Caller, Scope
from harness.service.context import Context, context_of, needs, note

logger = logging.getLogger(__name__)
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


class _GoneError(PermanentError):
    """Whoever asked has gone away."""


@router.post("/ask", response_model=None)
async def ask(
    request: Request, question: Question, caller: Annotated[Caller, Depends(needs(Scope.ASK))]
) -> Response:
    """Answer a question. With ``Accept: text/event-stream`` the answer is a stream."""
    context = context_of(request)
    sees = caller.visible(Scope.ASK)

    def passages(engines: Engines) -> Envelope:
        return answer_with_passages(
            question.question,
            engines,
            repo=question.repo,
            language=question.lang,
            path_glob=question.path,
            limit=question.limit,
            visible=sees,
        )

    found = await context.work.search(passages)
    note(request, {passage.citation.repo for passage in found.passages}, question.question)
    streams = _STREAM in request.headers.get("accept", "")
    if context.parts.open_assistant is None or not question.model:
        if not streams:
            return JSONResponse(found.to_dict())
        return _stream(_passages_only(found))
    _begin(context, caller)
    events: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    gone = threading.Event()

    def put(kind: str, data: Mapping[str, Any]) -> None:
        loop.call_soon_threadsafe(events.put_nowait, (kind, data))

    def answer() -> None:
        try:
            put("answer", _answer(context, question, found, sees, put, gone).to_dict())
        except Exception as error:
            if not gone.is_set():
                if not isinstance(error, HarnessError):
                    logger.exception("a question failed")
                said = str(error) if isinstance(error, HarnessError) else "it failed; see the log"
                put("error", {"error": said})
        finally:
            loop.call_soon_threadsafe(_end, context, caller)

    context.work.start(answer)
    if streams:
        return _stream(_events(found, events, gone))
    try:
        while True:
            kind, data = await _next(request, events)
            if kind in ("answer", "error"):
                return JSONResponse(dict(data), 200 if kind == "answer" else 500)
    finally:
        gone.set()


def _answer(
    context: Context,
    question: Question,
    found: Envelope,
    sees: Callable[[str], bool],
    put: Callable[[str, Mapping[str, Any]], None],
    gone: threading.Event,
) -> Envelope:
    opens = context.parts.open_assistant
    if opens is None:
        return found

    def on_event(event: AgentEvent) -> None:
        if gone.is_set():
            raise _GoneError("whoever asked has gone away")
        if event.kind is EventKind.TOKEN:
            put("token", {"text": event.text})
        elif line := as_line(event):
            put("step", {"step": event.step, "text": line})

    def with_model() -> Envelope:
        with opens() as assistant:
            return answer_with_agent(
                question.question,
                context.work.engines(),
                assistant,
                repo=question.repo,
                language=question.lang,
                path_glob=question.path,
                visible=sees,
                on_event=on_event,
            )

    # The path of the record is one of this machine.
    return replace(beside_passages(found, with_model), trajectory_path=None)


async def _passages_only(found: Envelope) -> AsyncIterator[bytes]:
    yield _event("passages", found.to_dict())
    yield _event("answer", found.to_dict())


async def _events(
    found: Envelope, events: asyncio.Queue[tuple[str, Mapping[str, Any]]], gone: threading.Event
) -> AsyncIterator[bytes]:
    try:
        yield _event("passages", found.to_dict())
        while True:
            try:
                kind, data = await asyncio.wait_for(events.get(), _ALIVE_SECONDS)
            except TimeoutError:
                yield b": the model is working\n\n"  # so that no proxy cuts a silent connection
                continue
            yield _event(kind, data)
            if kind in ("answer", "error"):
                return
    finally:
        gone.set()


async def _next(
    request: Request, events: asyncio.Queue[tuple[str, Mapping[str, Any]]]
) -> tuple[str, Mapping[str, Any]]:
    while True:
        try:
            return await asyncio.wait_for(events.get(), 1.0)
        except TimeoutError:
            if await request.is_disconnected():
                raise HTTPException(499, "the client has gone away") from None


def _begin(context: Context, caller: Caller) -> None:
    under_way = context.questions.get(caller.name, 0)
    if under_way >= context.parts.options.questions_at_once:
        raise HTTPException(
            429, "your other questions are still being answered", {"Retry-After": "10"}
        )
    context.questions[caller.name] = under_way + 1


def _end(context: Context, caller: Caller) -> None:
    left = context.questions.get(caller.name, 1) - 1
    if left > 0:
        context.questions[caller.name] = left
    else:
        context.questions.pop(caller.name, None)


def _stream(body: AsyncIterator[bytes]) -> StreamingResponse:
    # A proxy such as nginx would collect the pieces otherwise.
    return StreamingResponse(body, media_type=_STREAM, headers={"X-Accel-Buffering": "no"})


def _event(kind: str, data: Mapping[str, Any]) -> bytes:
    # JSON has no raw line ends, so the data is one line.
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
