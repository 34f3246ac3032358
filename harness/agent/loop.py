"""The agent's loop: ask the model, run what it calls, tell it the result, until it answers.

The conversation is only ever appended to. Whatever ends a run other than an answer raises
:class:`~harness.agent.status.Stop`, and :meth:`Agent.run` turns it into an :class:`Outcome`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.agent.actions import Parsed
from harness.agent.call_counter import CallCounter
from harness.agent.call_format import ModelProtocol
from harness.agent.clock import RunClock
from harness.agent.context import Context, Entry, stub_of
from harness.agent.envelope import Usage
from harness.agent.events import EventKind
from harness.agent.options import Limits
from harness.agent.recorder import Recorder
from harness.agent.status import Status, Stop, status_of
from harness.agent.tools.toolbox import Toolbox
from harness.agent.turn_cache import TurnCache
from harness.agent.turns import Enough, Turns
from harness.agent.validation import FormatError
from harness.errors import HarnessError
from harness.models.conversation import ChatMessage, ChatTurn, Sampling, ToolCall
from harness.models.protocols import ChatModel

AS_JSON = (
    'Write your next turn as JSON: {"name": …, "arguments": {…}} for a tool, or {"answer": …} when '
    "all is done."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; ``error`` is empty when it ended well."""

    status: Status
    answer: str
    error: str
    steps: int


@dataclass(frozen=True, slots=True)
class Seams:
    """What a caller may hook into a run. ``cancelled`` is asked with every token and between
    steps; ``sleep`` takes seconds."""

    turn_cache: TurnCache | None = None
    cancelled: Callable[[], bool] | None = None
    sleep: Callable[[float], None] = time.sleep


class Agent:
    """One conversation with one model over one set of tools.

    :param review: judges a final answer; returns None to accept it, or what to tell the model.
    :param as_text: makes the text protocol and its system prompt, for a model that turns out to
        write its calls as text; None: the protocol stays as it is.
    """

    def __init__(
        self,
        model: ChatModel,
        protocol: ModelProtocol,
        toolbox: Toolbox,
        system_prompt: str,
        *,
        limits: Limits,
        clock: RunClock,
        recorder: Recorder,
        seams: Seams,
        review: Callable[[str], str | None] | None = None,
        as_text: Callable[[], tuple[ModelProtocol, str]] | None = None,
    ) -> None:
        self.model = model
        self.protocol = protocol
        self.toolbox = toolbox
        self.limits = limits
        self.clock = clock
        self.recorder = recorder
        self.seams = seams
        self.review = review
        self._as_text = as_text
        self.context = Context(model.num_ctx)
        self._model_turns = Turns(
            model,
            self.context,
            limits,
            clock,
            recorder,
            check_time=self._check_time,
            is_over=self._is_over,
            sleep=seams.sleep,
            cache=seams.turn_cache,
        )
        self.entries: list[Entry] = []
        self._turns = 0
        self._answer = ""
        self._format_errors = 0
        self._refusals = 0
        self._begin = 0
        self._sampling: Sampling | None = None
        self._schema: Mapping[str, object] | None = None
        self._calls = CallCounter(limits.identical_calls)
        self._append(ChatMessage("system", system_prompt))

    @property
    def model_seconds(self) -> float:
        """How long the model was waited for."""
        return self._model_turns.seconds

    @property
    def usage(self) -> Usage:
        """What the request has cost so far."""
        return self._model_turns.usage

    def remember(self, *messages: ChatMessage) -> None:
        """Append what was said before this agent took over."""
        for message in messages:
            self._append(message)

    def run(
        self,
        request: str | Callable[[], str],
        *,
        prelude: Callable[[], str] | None = None,
        rescue: Callable[[Stop], str] | None = None,
    ) -> Outcome:
        """Work on a request until the model answers or a limit ends the run.

        No error of the tree is raised. The conversation stays, so that another request may follow.

        :param request: the message, or what makes it once it is needed.
        :param prelude: may answer instead of the loop; an empty text lets the loop begin.
        :param rescue: may answer after the loop was stopped, within the same limits.
        """
        self.clock.restart()
        self._model_turns.usage = Usage()
        self._sampling = self._schema = None
        self.recorder.step = self._format_errors = self._refusals = 0
        self._calls.clear()
        self._answer = ""
        status, reason = Status.OK, ""
        try:
            self._work(request, prelude, rescue)
        except Stop as stop:
            status, reason = stop.status, str(stop)
            self._answer = stop.answer or self._answer
        except KeyboardInterrupt:
            status, reason = Status.INTERRUPTED, "interrupted"
        except HarnessError as error:
            status, reason = status_of(error), str(error)
        steps = self.recorder.step
        self.recorder.event(EventKind.END, reason or status)
        self.recorder.trajectory.write("end", status=status, reason=reason, steps=steps)
        return Outcome(status, self._answer, reason, steps)

    def sample(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        enough: Enough | None = None,
    ) -> ChatTurn:
        """Draw one turn outside of the conversation; it counts as a step.

        :param enough: tells whether what has been written is all that is needed.
        :raises Stop: a limit is reached.
        """
        self._check_limits()
        self.recorder.step += 1
        self.recorder.event(EventKind.STEP, f"step {self.recorder.step}")
        self.recorder.trajectory.write_asked(self.recorder.step, messages)
        turn = self._model_turns.draw(messages, (), sampling, is_sample=True, enough=enough)
        self.recorder.trajectory.write_turn(self.recorder.step, turn)
        return turn

    def converse_again(self, sampling: Sampling) -> str:
        """Forget what followed the request, and let the loop begin anew; for a ``rescue``.

        The server knows the beginning of the conversation. Steps, tokens and time go on counting.

        :param sampling: how this attempt is drawn, so that it goes another way.
        :returns: the answer, which the review has accepted.
        :raises Stop: this attempt failed, too.
        """
        del self.entries[self._begin :]
        self._format_errors = self._refusals = 0
        self._calls.clear()
        self._sampling, self._schema = sampling, None
        self.recorder.trajectory.write("attempt", temperature=sampling.temperature)
        self._converse()
        return self._answer

    def _work(
        self,
        request: str | Callable[[], str],
        prelude: Callable[[], str] | None,
        rescue: Callable[[Stop], str] | None,
    ) -> None:
        answer = prelude() if prelude is not None else ""
        if answer and (self.review is None or self.review(answer) is None):
            self._answer = answer
            return
        self._append(ChatMessage("user", request if isinstance(request, str) else request()))
        self._begin = len(self.entries)
        try:
            self._converse()
        except Stop as stop:
            answer = rescue(stop) if rescue is not None else ""
            if not answer or (self.review is not None and self.review(answer) is not None):
                raise
            self._answer = answer

    def _converse(self) -> None:
        while True:
            answer = self._take_step()
            if answer is None:
                continue
            self._answer = answer
            remark = self.review(answer) if self.review is not None else None
            if remark is None:
                return
            if self._turns == 1:
                self._adapt("it answered in prose")
            self._tell(self.toolbox.cut(remark))

    def _take_step(self) -> str | None:
        self._check_limits()
        self.recorder.step += 1
        self.recorder.event(EventKind.STEP, f"step {self.recorder.step}")
        turn = self._next_turn()
        self._turns += 1
        try:
            parsed = self.protocol.parse(turn)
        except FormatError as error:
            if not turn.tool_calls and turn.content:
                self._adapt("a call was not understood")
            self._refuse_turn(turn, str(error))
            return None
        self._format_errors = 0
        if parsed.leaked:
            self._adapt("it writes them so")
        self._append(self.protocol.assistant(parsed), turn=self._turns)
        if parsed.answer is not None:
            return parsed.answer
        self._run_calls(parsed)
        return None

    def _adapt(self, why: str) -> None:
        """Go on with the text protocol. The prompt changes, and the server reads it anew, once."""
        if self._as_text is None or not self.protocol.offered:
            return
        self.protocol, prompt = self._as_text()
        self._as_text = None
        self.entries[0] = Entry(ChatMessage("system", prompt))
        text = f"calls as text from now on: {why}"
        self.recorder.event(EventKind.NOTE, text, summary=text)
        self.recorder.line("protocol", name=self.protocol.name, reason=why)

    def _check_limits(self) -> None:
        self._check_time()
        if self.recorder.step >= self.limits.steps:
            raise Stop(Status.STEP_LIMIT, f"no end after {self.recorder.step} steps")
        used = self.usage.prompt_tokens + self.usage.completion_tokens
        if 0 < self.limits.total_tokens <= used:
            raise Stop(
                Status.TOKEN_LIMIT, f"{used} tokens used, {self.limits.total_tokens} allowed"
            )

    def _check_time(self) -> None:
        if self._is_cancelled():
            raise KeyboardInterrupt
        if self.clock.remaining_seconds() <= 0:
            raise Stop(Status.TIME_LIMIT, f"no end after {self.clock.limit_seconds:g} s")

    def _is_cancelled(self) -> bool:
        return self.seams.cancelled is not None and self.seams.cancelled()

    def _is_over(self) -> bool:
        return self.clock.remaining_seconds() <= 0 or self._is_cancelled()

    def _next_turn(self) -> ChatTurn:
        tools = self.protocol.offered
        messages = self.context.fit(self.entries, tools)
        sampling = self._sampling
        if self._schema is not None:
            sampling = replace(sampling or Sampling(), schema=self._schema)
            self._schema = None
        turn = self._model_turns.draw(messages, tools, sampling)
        self.recorder.trajectory.write_turn(self.recorder.step, turn)
        self.context.learn(messages, tools, turn)
        return turn

    def _refuse_turn(self, turn: ChatTurn, reason: str) -> None:
        self._format_errors += 1
        self.recorder.trajectory.write("format_error", step=self.recorder.step, reason=reason)
        # Servers reject empty messages of the assistant.
        said = turn.content[: self.toolbox.max_chars] or "(nothing)"
        self._append(ChatMessage("assistant", said), turn=self._turns)
        # The next turn cannot fail in its form, where the server enforces one.
        self._schema = self.protocol.schema
        self._tell(f"{reason} {AS_JSON}" if self._schema else reason, turn=self._turns)
        if self._format_errors >= self.limits.format_errors:
            raise Stop(
                Status.FORMAT_ERRORS,
                f"{self._format_errors} turns in a row could not be used; the last: {reason}",
            )

    def _run_calls(self, parsed: Parsed) -> None:
        left = list(parsed.calls)
        try:
            while left:
                self._run_call(left[0], parsed.note if len(left) == 1 else "")
                left.pop(0)
        except BaseException:
            # A conversation with an unanswered call cannot be continued.
            for call in left:
                heading = self.toolbox.heading(call)
                reason = "Not finished: the run was stopped."
                self._answer_call(call, reason, f"{heading}: the run was stopped")
            raise

    def _run_call(self, call: ToolCall, note: str = "") -> None:
        self._check_time()
        repeated = self._calls.count(call)
        heading = self.toolbox.heading(call)
        self.recorder.event(EventKind.CALL, json.dumps(dict(call.arguments)), call.name, heading)
        output = self.toolbox.run(call)
        if output.changed:
            self._calls.clear()
        text = output.text
        if repeated == self.limits.identical_calls - 1:
            text += "\nThis is the same call as before. Do something else, or give your answer."
        if note:
            text += f"\n{note}"
        self._answer_call(call, text, f"{heading}: {output.summary}")
        if output.refused:
            self._refusals += 1
            if self._refusals >= self.limits.refusals:
                raise Stop(Status.REFUSED, f"{self._refusals} calls refused; the last: {text}")

    def _answer_call(self, call: ToolCall, text: str, summary: str) -> None:
        self._append(self.protocol.output(call, text), self._turns, stub_of(call, text))
        self.recorder.event(EventKind.OUTPUT, text, call.name, summary)

    def _tell(self, text: str, turn: int = 0) -> None:
        self._append(ChatMessage("user", text), turn=turn)
        self.recorder.event(EventKind.NOTE, text)

    def _append(self, message: ChatMessage, turn: int = 0, stub: str = "") -> None:
        self.entries.append(Entry(message, turn, stub))
        if message.role != "assistant":
            self.recorder.line(
                "message", role=message.role, tool=message.tool_name, content=message.content
            )
