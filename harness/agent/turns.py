"""Gets turns from the model: from the cache of a run begun before, else with retries, in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.agent.clock import RunClock
from harness.agent.context import Context
from harness.agent.envelope import Usage
from harness.agent.events import EventKind
from harness.agent.options import Limits
from harness.agent.recorder import Recorder
from harness.agent.turn_cache import TurnCache, turn_key
from harness.agent.waiting import Watch
from harness.errors import ServiceTimeoutError, ServiceUnavailableError
from harness.models.conversation import ChatMessage, ChatTurn, Sampling, ToolSpec
from harness.models.protocols import ChatModel
from harness.retrying import Backoff

RETRY_SECONDS = 1.5
# Tells of what a model has written so far whether the rest can be left out.
Enough = Callable[[str], bool]


class _Complete(Exception):  # noqa: N818 - the end of a turn, not an error
    """A turn has all that it is asked for."""


class Turns:
    """The model as the loop uses it; counts what it used.

    :param check_time: raises when the run is over; called with every token.
    :param is_over: the same as a question, asked while the model is silent.
    :param sleep: takes seconds, between attempts.
    """

    def __init__(
        self,
        model: ChatModel,
        context: Context,
        limits: Limits,
        clock: RunClock,
        recorder: Recorder,
        *,
        check_time: Callable[[], None],
        is_over: Callable[[], bool],
        sleep: Callable[[float], None],
        cache: TurnCache | None = None,
    ) -> None:
        self.usage = Usage()
        self._model = model
        self._context = context
        self._clock = clock
        self._recorder = recorder
        self._check_time = check_time
        self._sleep = sleep
        self._cache = cache
        self._attempts = limits.model_retries + 1
        self._watch = Watch(model.interrupt, is_over, recorder)

    @property
    def seconds(self) -> float:
        """How long the model was waited for."""
        return self._watch.seconds

    def draw(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSpec],
        sampling: Sampling | None = None,
        *,
        is_sample: bool = False,
        enough: Enough | None = None,
    ) -> ChatTurn:
        """Take a turn from the cache, or ask the model for it.

        :param is_sample: one of several that are drawn on the same prompt.
        :param enough: asked with each token; what it ends counts as a whole turn.
        """
        key = ""
        if self._cache is not None:
            # Samples of one prompt are told apart by their step.
            step = f"{self._recorder.step} " if is_sample else ""
            drawn = "" if sampling is None else f"{step}{sampling}"
            key = turn_key(self._model, messages, tools, drawn)
        turn = self._cache.get(key) if self._cache is not None else None
        if turn is not None:
            self.usage += Usage(replayed_turns=1)
            self._recorder.event(EventKind.REPLAY, turn.content)
        else:
            turn = self._ask(messages, tools, sampling, enough)
            read = turn.prompt_tokens or self._context.estimate(messages, tools)
            self.usage += Usage(read, turn.completion_tokens, model_calls=1)
            if self._cache is not None:
                self._cache.put(key, turn)
        return turn

    def _ask(
        self,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolSpec],
        sampling: Sampling | None,
        enough: Enough | None,
    ) -> ChatTurn:
        heard: list[str] = []

        def tell(error: BaseException, seconds: float) -> None:
            self._recorder.event(EventKind.RETRY, str(error))
            self._recorder.line("retry", error=str(error))

        def is_worth_it(error: BaseException) -> bool:
            self._check_time()  # the watch may have ended the request
            # What was silent for the whole time-out would be so again.
            passing = isinstance(error, ServiceUnavailableError)
            return passing and not isinstance(error, ServiceTimeoutError)

        def on_token(text: str) -> None:
            self._watch.heard()
            self._check_time()  # ends a stream that would go on beyond the limit
            # What is JSON for us is no text for a person; the event tells that work goes on.
            is_shown = sampling is None or sampling.schema is None
            self._recorder.event(EventKind.TOKEN, text if is_shown else "")
            heard.append(text)
            if enough is not None and enough("".join(heard)):
                raise _Complete

        def ask() -> ChatTurn:
            estimate = self._context.estimate(messages, tools)
            heard.clear()
            try:
                with self._watch.over(estimate):
                    if sampling is None:
                        turn = self._model.chat(messages, tools, on_token)
                    else:
                        turn = self._model.chat(messages, tools, on_token, sampling)
            except _Complete:  # the server, which is cut off, does not tell its counts
                turn = ChatTurn("".join(heard), (), estimate, len(heard))
            size = turn.prompt_tokens or estimate
            self._watch.pace.learn(size, self._watch.first_token_seconds)
            return turn

        backoff = Backoff(self._attempts, RETRY_SECONDS, sleep=self._sleep)
        return backoff.call(
            ask,
            is_worth_it=is_worth_it,
            on_retry=tell,
            seconds_left=self._clock.remaining_seconds,
        )
