"""``/ask``: a question, its passages, the answer as it is written, its citations as links.

A form that a script sends is answered by a stream of server-sent events: ``passages`` and
``answer`` with ``html``, ``token`` and ``step`` with ``text``, ``error`` with ``text``. A form that
the browser sends by itself is answered by a page, once there is an answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from harness.agent.envelope import Citation, Passage
from harness.engines import Engines
from harness.errors import UsageError
from harness.service.api_ask import (
    ALIVE,
    STREAM,
    Event,
    Question,
    answering,
    as_stream,
    gives_up,
)
from harness.service.callers import Caller, Scope
from harness.service.context import context_of, needs
from harness.service.page.forms import read_form
from harness.service.page.prose import prose
from harness.service.page.rendering import html, page
from harness.service.refusals import status_of

router = APIRouter(include_in_schema=False)

Asker = Annotated[Caller, Depends(needs(Scope.ASK))]


@router.get("/ask")
async def ask_page(
    request: Request,
    caller: Asker,
    q: Annotated[str, Query(max_length=20_000)] = "",
    repo: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    """The form. What an address asks is only written into it: a link must not occupy the model."""
    return await _page(request, caller, {"question": q, "repo": repo})


@router.post("/ask", response_model=None)
async def ask(request: Request, caller: Asker) -> Response:
    """Answer a question, as a stream for a script."""
    form = await read_form(request)
    try:
        question = Question(question=form.get("question", ""), repo=form.get("repo") or None)
        streams = STREAM in request.headers.get("accept", "")
        if streams:
            return as_stream(_shown(await answering(request, question, caller)))
        passages = answer = ""
        events = await answering(request, question, caller, alive_seconds=1.0)
        async with aclosing(_shown(events)) as shown:
            async for kind, data in shown:
                if kind == "passages":
                    passages = data["html"]
                elif kind in ("answer", "error"):
                    answer = data.get("html", "") or data.get("text", "")
                elif (kind, data) == ALIVE:
                    await gives_up(request)
    except ValidationError:
        return await _page(request, caller, form, 422, "Write a question.")
    except UsageError as error:
        return await _page(request, caller, form, status_of(error), str(error))
    return await _page(request, caller, form, passages=passages, answer=answer)


async def _shown(events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    """The events of the API, with HTML in place of data."""
    async with aclosing(events):
        async for kind, data in events:
            match kind:
                case "passages":
                    found = [_passage(one) for one in data["passages"]]
                    yield kind, {"html": html("_passages.html", passages=found)}
                case "answer":
                    yield kind, {"html": _answer(data)}
                case "error":
                    yield kind, {"text": data["error"]}
                case _:
                    yield kind, data


def _passage(data: Mapping[str, Any]) -> Passage:
    return Passage(Citation(**data["citation"]), str(data["text"]))


def _answer(data: Mapping[str, Any]) -> str:
    citations = [Citation(**one) for one in data["citations"]]
    text = str(data["answer"])
    return html(
        "_answer.html",
        answer=prose(text, citations) if text else "",
        # Without a model the passages are all there is, and they are there already.
        citations=citations if text else [],
        error=data.get("error") or "",
        model=data.get("model") or "",
    )


async def _page(
    request: Request,
    caller: Caller,
    form: Mapping[str, str],
    status: int = 200,
    message: str = "",
    passages: str = "",
    answer: str = "",
) -> HTMLResponse:
    def names(engines: Engines) -> list[str]:
        sees = caller.visible(Scope.ASK)
        return [one.name for one in engines.store.repositories() if sees(one.name)]

    context = context_of(request)
    return page(
        request,
        caller,
        "ask.html",
        status,
        repositories=await context.work.search(names),
        form={"question": "", "repo": "", **form},
        message=message,
        passages=passages,
        answer=answer,
        has_model=context.parts.open_assistant is not None,
    )
