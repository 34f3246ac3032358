"""What a question, a task and a conversation have in common: their parts, and their envelope.

Bad input raises before anything starts. From then on there is always an envelope, whatever
happened, and its files are in the results directory even when the caller is being cancelled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypedDict

from harness.agent.call_format import ModelProtocol, TextProtocol, protocol_for
from harness.agent.citations import check_citations
from harness.agent.clock import RunClock
from harness.agent.envelope import Citation, Envelope, Usage
from harness.agent.events import OnEvent
from harness.agent.loop import Agent, Outcome, Seams
from harness.agent.options import Limits, RunOptions
from harness.agent.recorder import Recorder
from harness.agent.result import write_results
from harness.agent.status import Status, Stop, status_of
from harness.agent.system_prompt import system_prompt
from harness.agent.tools.access import ChangeAccess, Mapped, ReadAccess, Search
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.outputs import OutputStore
from harness.agent.tools.registry import offered_tools
from harness.agent.tools.toolbox import MAX_OUTPUT_CHARS, Toolbox
from harness.agent.trajectory import Trajectory
from harness.agent.verification.verifier import Verifier
from harness.errors import HarnessError, UsageError
from harness.models.protocols import ChatModel
from harness.text import encodable
from harness.workspace.copies import Workspace
from harness.workspace.paths import ConfinedTree

logger = logging.getLogger(__name__)

Review = Callable[[str], str | None]


class RunArguments(TypedDict, total=False):
    """What every kind of run takes besides its request, its folder and its model.

    ``search`` returns passages of the index for a query and a count, None: not indexed, grep is
    used; ``mapped`` is the index's map for a text, None: not indexed; ``repo`` is the name in the
    index, for citations; ``results_dir`` is where the files of the result go, None: none are
    written.
    """

    search: Search | None
    mapped: Mapped | None
    repo: str
    limits: Limits | None
    on_event: OnEvent | None
    results_dir: Path | None
    options: RunOptions | None


class Session:
    """The parts of a run that are there before the model's server is asked for anything.

    :param root: the user's folder.
    :param space: a copy of it to work on; None: the folder is read and nothing is changed.
    """

    def __init__(
        self,
        root: Path,
        space: Workspace | None = None,
        *,
        search: Search | None = None,
        mapped: Mapped | None = None,
        repo: str = "",
        limits: Limits | None = None,
        on_event: OnEvent | None = None,
        results_dir: Path | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self.root = root
        self.search = search
        self.mapped = mapped
        self.repo = repo
        self.limits = limits or Limits()
        self.options = options or RunOptions()
        # Set by what works on a task, before the agent is made and while it works.
        self.examples: Mapping[str, Mapping[str, object]] = {}
        self.strategy = "loop"
        self.strategy_reason = ""
        self.notes: list[str] = []
        self.verifier: Verifier | None = None
        self.results_dir = results_dir
        self.tree = ConfinedTree(root) if space is None else space.tree
        self.base = "" if space is None else space.commit or ""
        self.clock = RunClock(self.limits.wall_seconds)
        self.outputs = OutputStore()
        self.change = None if space is None else self._change_access(space)
        path = None if results_dir is None else results_dir / "trajectory.jsonl"
        self.recorder = Recorder(Trajectory(path, self.options.secrets), on_event)

    def command_runner(self, space: Workspace) -> CommandRunner:
        """Return what runs commands in a copy, within the limits of this session."""
        return CommandRunner(
            space,
            self.options.policy,
            self.clock,
            secrets=self.options.secrets,
            cancelled=self.options.cancelled,
        )

    def _change_access(self, space: Workspace) -> ChangeAccess:
        commands = self.command_runner(space)
        return ChangeAccess(space.tree, commands, self.options.approve, self.clock)

    def agent(self, kind: str, model: ChatModel, review: Review | None = None) -> Agent:
        """Ask the server what the model can do and make the agent.

        :param kind: ``ask``, ``task`` or ``chat``.
        :raises ModelMissingError: the server does not have the model.
        :raises ServiceUnavailableError: the server did not answer.
        """
        info = model.info()
        # A fifth of the window, at three characters a token.
        max_chars = min(MAX_OUTPUT_CHARS, model.num_ctx * 3 // 5)
        read = ReadAccess(self.tree, self.outputs, self.search, max_chars)
        tools = offered_tools(read, self.change)
        protocol = protocol_for(info, tools, self.options.protocol)

        def as_text() -> tuple[ModelProtocol, str]:
            text = TextProtocol(tools)
            return text, system_prompt(kind, text.name, tools, self.examples)

        self.recorder.trajectory.write(
            "start",
            mode=kind,
            model=model.model,
            protocol=protocol.name,
            num_ctx=model.num_ctx,
            root=str(self.root),
        )
        return Agent(
            model,
            protocol,
            Toolbox(tools, self.outputs, max_chars, self.options.secrets),
            system_prompt(kind, protocol.name, tools, self.examples),
            limits=self.limits,
            clock=self.clock,
            recorder=self.recorder,
            seams=Seams(self.options.turn_cache, self.options.cancelled),
            review=review,
            as_text=as_text if self.options.protocol == "auto" else None,
        )

    def run(
        self,
        kind: str,
        model: ChatModel,
        request: str,
        *,
        prepare: Callable[[ChatModel], None] = lambda model: None,
        message: Callable[[Agent], str] | None = None,
        prelude: Callable[[Agent], str] | None = None,
        rescue: Callable[[Agent, Stop], str] | None = None,
        review: Review | None = None,
        patch: Callable[[], tuple[str, bool | None]] = lambda: ("", None),
    ) -> Envelope:
        """Carry out the one request of this session; the files are written in any case.

        :param prepare: called before the agent is made.
        :param message: the first message, None: the request as it is.
        :param prelude: may answer before the loop, and returns an empty text when it does not.
        :param rescue: the same after a loop that was stopped.
        :param patch: asked at the end for the patch and whether it was verified.
        """
        began = time.monotonic()
        agent: Agent | None = None
        outcome = Outcome(Status.INTERRUPTED, "", "interrupted", 0)
        try:
            prepare(model)
            agent = self.agent(kind, model, review)
            outcome = agent.run(
                partial(message, agent) if message is not None else request,
                prelude=partial(prelude, agent) if prelude is not None else None,
                rescue=partial(rescue, agent) if rescue is not None else None,
            )
        except KeyboardInterrupt:
            pass
        except HarnessError as error:
            outcome = Outcome(status_of(error), "", str(error), self.recorder.step)
        except Exception as error:
            logger.exception("the agent failed")
            reason = f"{type(error).__name__}: {error}"
            outcome = Outcome(Status.INTERNAL, "", reason, self.recorder.step)
        finally:
            # Also for what is not an Exception: a flow run that is being cancelled.
            changed: tuple[str, bool | None] = ("", None)
            try:
                changed = patch()
            except HarnessError as error:  # the copy cannot be read; the record must not be lost
                reason = f"{outcome.error}; {error}" if outcome.error else str(error)
                outcome = Outcome(status_of(error), outcome.answer, reason, outcome.steps)
            envelope = self.envelope(model, agent, outcome, *changed, began=began)
            trajectory = self.recorder.trajectory
            trajectory.write("result", status=envelope.status, verified=envelope.verified)
            trajectory.close()
            if self.results_dir is not None:
                told = self.recorder.told
                write_results(envelope, request, self.results_dir, self.options.secrets, told)
        return envelope

    def envelope(
        self,
        model: ChatModel,
        agent: Agent | None,
        outcome: Outcome,
        patch: str,
        verified: bool | None,
        *,
        began: float,
    ) -> Envelope:
        """Put the envelope together; citations are checked against the files as they are now.

        :param agent: None when the server did not say what the model can do.
        :param began: when the run began, on the monotonic clock.
        """
        answer, citations = outcome.answer, tuple[Citation, ...]()
        if answer:
            answer, citations = check_citations(answer, self.tree, self.repo)
        path = self.recorder.trajectory.path
        return Envelope(
            status=outcome.status,
            answer=answer,
            citations=citations,
            patch=patch,
            verified=verified,
            usage=agent.usage if agent is not None else Usage(),
            model=model.model,
            protocol=agent.protocol.name if agent is not None else "",
            num_ctx=model.num_ctx if agent is not None else 0,
            steps=outcome.steps,
            duration_seconds=round(time.monotonic() - began, 3),
            base=self.base,
            strategy=self.strategy,
            strategy_reason=self.strategy_reason,
            tried=tuple(self.notes),
            verified_by=self.verifier.command if self.verifier is not None else "",
            model_seconds=round(agent.model_seconds, 3) if agent is not None else 0.0,
            verify_seconds=round(self.verifier.seconds, 3) if self.verifier is not None else 0.0,
            isolation=self.change.commands.isolation if self.change is not None else "",
            trajectory_path=str(path) if path is not None else None,
            error=outcome.error or None,
        )


def checked_text(text: str, what: str) -> str:
    """The request as it is sent to a model.

    :raises UsageError: it is empty.
    """
    if not text.strip():
        raise UsageError(f"the {what} is empty; say what to do")
    return encodable(text)
