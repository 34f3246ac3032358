"""How a task is worked on: what the model is told first, and which strategy follows which."""

from __future__ import annotations

from harness.agent.brief import examples_from, first_message, look_around
from harness.agent.events import EventKind
from harness.agent.localise.places import Clues
from harness.agent.localise.strategy import Localiser
from harness.agent.loop import Agent
from harness.agent.session import Session
from harness.agent.status import Status, Stop
from harness.agent.strategies import Strategy, choose_strategy
from harness.agent.verification.verifier import Verdict, Verifier
from harness.models.protocols import ChatModel
from harness.workspace.copies import Workspace

# What a localised search may take of a run's time when the loop is to follow.
LOCALISE_SHARE = 0.7
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


class TaskWork:
    """One task; its methods are what a session calls, in their order here."""

    def __init__(
        self, text: str, space: Workspace, session: Session, verifier: Verifier | None
    ) -> None:
        self._text = text
        self._space = space
        self._session = session
        self._verifier = verifier
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
        return first_message(self._text, around, verify, before)

    def after_the_loop(self, agent: Agent, stop: Stop) -> str:
        """Localise after a loop that failed; returns the answer if it worked."""
        wanted = self._strategy.first == "loop" and self._strategy.escalates
        if not wanted or stop.status not in _WORTH_A_RESCUE:
            return ""
        self._session.recorder.event(
            EventKind.NOTE, str(stop), summary=f"the loop ended ({stop.status}); localising instead"
        )
        kept = self._space.snapshot()
        self._session.strategy = "loop+localise"
        self._space.restore(self._space.base)
        answer = self._localise(agent, 1.0)
        if not answer:
            self._space.restore(kept)
        return answer

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
        found = localiser.run(self._text, self._before, self._clues(self._before))
        self._tried += found.notes
        self._session.notes += found.notes
        return found.answer

    def _clues(self, before: Verdict | None) -> Clues:
        output = before.output if before is not None and not before.ok else ""
        essence = before.essence if output and before is not None else ""
        return Clues(self._text, output, essence, self._session.search)
