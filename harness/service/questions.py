"""Questions that a model answers, whoever asks and however the answer is sent: bounded for each
caller, in a thread, ended when whoever asked goes away."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.exceptions import HTTPException

from harness.agent.envelope import Envelope
from harness.agent.events import AgentEvent, EventKind, as_line
from harness.answers.answering import answer_with_agent, beside_passages
from harness.answers.passages import answer_with_passages
from harness.engines import Engines
from harness.errors import HarnessError, PermanentError
from harness.service.callers import Caller, Scope
from harness.service.context import Context

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the part of the index it is about, and the most passages wanted."""

    question: str
    repo: str | None = None
    language: str | None = None
    path_glob: str | None = None
    limit: int = 5


@dataclass(frozen=True, slots=True)
class Answering:
    """A question that a model is at work on.

    ``events``: any number of ``token`` (``text``, a piece of the model's) and ``step`` (``step``,
    ``text``: what the model does), then ``answer``, the whole envelope, or ``error``. Whoever
    stops listening sets ``gone``, which ends the work at the model's next event.
    """

    events: asyncio.Queue[tuple[str, Mapping[str, Any]]]
    gone: threading.Event


class _GoneError(PermanentError):
    """Whoever asked has gone away."""


async def find_passages(context: Context, caller: Caller, asked: Asked) -> Envelope:
    """The answer without a model's words.

    :raises HarnessError: as :func:`harness.answers.passages.answer_with_passages`.
    """

    def passages(engines: Engines) -> Envelope:
        return answer_with_passages(
            asked.question,
            engines,
            repo=asked.repo,
            language=asked.language,
            path_glob=asked.path_glob,
            limit=asked.limit,
            visible=caller.visible(Scope.ASK),
        )

    return await context.work.search(passages)


def begin(
    context: Context,
    caller: Caller,
    asked: Asked,
    found: Envelope,
    *,
    tells_record: bool = False,
) -> Answering:
    """Let the model answer; only call it where there is one (``parts.open_assistant``).

    :param found: the passages.
    :param tells_record: whether the answer may hold the path of its record, which is one of this
        machine.
    :raises HTTPException: 429, the caller's other questions are still being answered.
    """
    under_way = context.questions.get(caller.name, 0)
    if under_way >= context.parts.options.questions_at_once:
        raise HTTPException(
            429, "your other questions are still being answered", {"Retry-After": "10"}
        )
    context.questions[caller.name] = under_way + 1
    answering = Answering(asyncio.Queue(), threading.Event())
    loop = asyncio.get_running_loop()

    def put(kind: str, data: Mapping[str, Any]) -> None:
        loop.call_soon_threadsafe(answering.events.put_nowait, (kind, data))

    def answer() -> None:
        try:
            envelope = _answer(context, caller, asked, found, put, answering.gone)
            if not tells_record:
                envelope = replace(envelope, trajectory_path=None)
            put("answer", envelope.to_dict())
        except Exception as error:
            if not answering.gone.is_set():
                if not isinstance(error, HarnessError):
                    logger.exception("a question failed")
                said = str(error) if isinstance(error, HarnessError) else "it failed; see the log"
                put("error", {"error": said})
        finally:
            loop.call_soon_threadsafe(_end, context, caller)

    context.work.start(answer)
    return answering


def _answer(
    context: Context,
    caller: Caller,
    asked: Asked,
    found: Envelope,
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
                asked.question,
                context.work.engines(),
                assistant,
                repo=asked.repo,
                language=asked.language,
                path_glob=asked.path_glob,
                visible=caller.visible(Scope.ASK),
                on_event=on_event,
            )

    return beside_passages(found, with_model)


def _end(context: Context, caller: Caller) -> None:
    left = context.questions.get(caller.name, 1) - 1
    if left > 0:
        context.questions[caller.name] = left
    else:
        context.questions.pop(caller.name, None)
