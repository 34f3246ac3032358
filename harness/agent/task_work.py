"""How a task is worked on: what the model is told first, and which strategy follows which."""

from __future__ import annotations

import math
import time

from harness.agent.brief import examples_from, first_message, look_around
from harness.agent.events import EventKind
from harness.agent.localise.places import Clues
from harness.agent.localise.strategy import Localiser
from harness.agent.loop import Agent
from harness.agent.review import TaskReview
from harness.agent.session import Session
from harness.agent.status import Status, Stop
from harness.agent.strategies import Strategy, choose_strategy
from harness.agent.verification.verifier import Verdict, Verifier
from harness.models.conversation import Sampling
from harness.models.protocols import ChatModel
from harness.workspace.copies import Workspace

# What a localised search may take of a run's time when the loop is to follow.
LOCALISE_SHARE = 0.7
# Of an attempt that is to go another way than the one before.
ANEW_TEMPERATURE = 0.6
_UNCOUNTED = 1e9
# Ends of the loop after which versions of the likeliest places are worth a try.
_WORTH_A_RESCUE = frozenset(
    {
        Status.FORMAT_ERRORS,
        Status.NO_CHANGE,
        Status.REPEATED_CALL,
        Status.STEP_LIMIT,
        Status.VERIFICATION_FAILED,
        Status.CONTEXT_OVERFLOW,
    }
)
# What another attempt at the same steps and the same context would end with, too, is left out.
_WORTH_ANEW = _WORTH_A_RESCUE - {Status.STEP_LIMIT, Status.CONTEXT_OVERFLOW}


class TaskWork:
    """One task; its methods are what a session calls, in their order here."""

    def __init__(
        self,
        text: str,
        space: Workspace,
        session: Session,
        verifier: Verifier | None,
        review: TaskReview,
    ) -> None:
        self._text = text
        self._space = space
        self._session = session
        self._verifier = verifier
        self._review = review
        self._loop_began = 0.0
        self._loop_base = space.base
        self._before: Verdict | None = None
        self._strategy = Strategy("loop", "")
        self._tried: list[str] = []

    def prepare(self, model: ChatModel) -> None:
        """Choose the strategy, and make the examples of the prompt from the repository."""
        verify = self._verifier.command if self._verifier is not None else None
        wanted = self._session.options.strategy
        self._strategy = choose_strategy(wanted, model.info(), verify)
        places = look_around(self._space.tree, Clues(self._text)).places
        self._session.examples = examples_from(self._space.tree, places, verify)

    def before_the_loop(self, agent: Agent) -> str:
        """Run the verification, and localise if that comes first; returns the answer if it
        worked."""
        self._session.strategy = self._strategy.first
        self._session.strategy_reason = self._strategy.reason
        if self._verifier is not None:
            self._before = self._verifier.verify(self._space.snapshot())
        if self._strategy.first != "localise":
            return ""
        return self._localise(agent, LOCALISE_SHARE if self._strategy.escalates else 1.0)

    def first_message(self, agent: Agent) -> str:
        """Return the task with all that helps to begin."""
        before = self._before
        if self._tried and self._verifier is not None:  # the best version so far may be in place
            self._session.strategy = "localise+loop"
            before = self._verifier.verify(self._space.snapshot())
        room = min(1.0, agent.model.num_ctx / 8192)
        around = look_around(
            self._space.tree,
            self._clues(before),
            outline_chars=int(1_200 * room),
            passages_chars=int(2_400 * room),
            secrets=self._session.options.secrets,
        )
        verify = self._verifier.command if self._verifier is not None else None
        self._loop_began, self._loop_base = time.monotonic(), self._space.snapshot()
        return first_message(self._text, around, verify, before)

    def after_the_loop(self, agent: Agent, stop: Stop) -> str:
        """Localise after a loop that failed, or let it begin anew; returns the answer if one of
        them worked. Otherwise the files are at the version with the fewest failures."""
        if self._verifier is None or stop.status not in _WORTH_A_RESCUE:
            return ""
        took = time.monotonic() - self._loop_began
        if answer := self._done_all_the_same(stop, self._verifier):
            return answer
        if self._strategy.first == "loop" and self._strategy.escalates:
            note = f"the loop ended ({stop.status}); localising instead"
            self._session.recorder.event(EventKind.NOTE, str(stop), summary=note)
            kept = self._space.snapshot()
            self._session.strategy = "loop+localise"
            self._space.restore(self._space.base)
            answer = self._localise(agent, 1.0)
            if answer:
                return answer
            self._space.restore(kept)
        return self._begin_anew(agent, stop, self._verifier, took)

    def _done_all_the_same(self, stop: Stop, verifier: Verifier) -> str:
        """What to answer for a model that did its work and then did not come to an end."""
        snapshot = self._space.snapshot()
        failed_before = self._before is not None and not self._before.ok
        if not failed_before or snapshot == self._space.base or not verifier.verify(snapshot).ok:
            return ""
        note = f"the loop ended ({stop.status}), and what it changed passes"
        self._session.notes.append(note)
        self._session.recorder.event(EventKind.NOTE, str(stop), summary=note)
        return f"The changes make `{verifier.command}` pass; the model did not describe them."

    def _begin_anew(self, agent: Agent, stop: Stop, verifier: Verifier, took: float) -> str:
        """Let the loop work on the task from its beginning, while there is as much time again.

        :param took: seconds of the first attempt.
        """
        session = self._session
        best, fewest = self._space.snapshot(), self._failures(verifier)
        for number in range(1, session.limits.attempts):
            left = session.clock.remaining_seconds()
            if stop.status not in _WORTH_ANEW or left < number * took:
                break
            note = f"attempt {number} ended ({stop.status}); beginning anew, {left:.0f} s are left"
            session.recorder.event(EventKind.NOTE, str(stop), summary=note)
            session.notes.append(note)
            self._space.restore(self._loop_base)  # what the first message tells of
            self._review.restart()
            try:
                return agent.converse_again(Sampling(ANEW_TEMPERATURE))
            except Stop as another:
                stop = another
            if session.clock.remaining_seconds() > 0:
                failed = self._failures(verifier)
                if failed < fewest:
                    best, fewest = self._space.snapshot(), failed
        self._space.restore(best)
        return ""

    def _failures(self, verifier: Verifier) -> float:
        """How much is wrong with the files as they are; most with those that nobody has changed."""
        snapshot = self._space.snapshot()
        if snapshot == self._space.base:
            return math.inf
        failed = verifier.verify(snapshot).failures
        return _UNCOUNTED if failed is None else failed

    def _localise(self, agent: Agent, share: float) -> str:
        if self._verifier is None or self._before is None or self._before.ok:
            return ""
        clock = self._session.clock
        reserve = clock.limit_seconds * (1 - share)
        localiser = Localiser(
            self._space,
            self._verifier,
            self._session.recorder,
            agent.sample,
            self._session.options.secrets,
            lambda: clock.remaining_seconds() - reserve,
        )
        try:
            return localiser.run(self._text, self._before, self._clues(self._before))
        finally:
            self._tried += localiser.notes
            self._session.notes += localiser.notes

    def _clues(self, before: Verdict | None) -> Clues:
        output = before.output if before is not None and not before.ok else ""
        essence = before.essence if output and before is not None else ""
        return Clues(self._text, output, essence, self._session.search, self._session.mapped)
