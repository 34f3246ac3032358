"""The interactive agent: a conversation, one copy of the repository, undo per turn.

The copy is made when the session starts. Changes stay in it until :meth:`ChatSession.apply`.
Ctrl-C ends the turn and not the session: the turn's result has the status ``interrupted``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType

from harness.agent.events import EventKind, OnEvent
from harness.agent.limits import Limits
from harness.agent.loop import Agent
from harness.agent.reading_tools import Search
from harness.agent.result import AgentResult
from harness.agent.session import RunOptions, Session, share_clock
from harness.errors import UsageError
from harness.models.protocols import ChatModel
from harness.types import ChatMessage
from harness.workspace import apply_patch, create_workspace
from harness.workspace.copies import inspect


class ChatSession:
    """One conversation. Use it as a context manager, or call :meth:`close`.

    :raises UsageError: ``root`` is not a folder, or the disk is full.
    :raises PolicyError: ``root`` may not be copied.
    """

    def __init__(
        self,
        root: Path,
        model: ChatModel,
        *,
        search: Search | None = None,
        limits: Limits | None = None,
        on_event: OnEvent | None = None,
        results_dir: Path | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self.root = inspect(root).root
        self._search = search
        self._session = Session(self.root, model, limits, on_event, results_dir, options)
        self._space = create_workspace(self.root, Path(tempfile.mkdtemp(prefix="harness-chat-")))
        self._session.tree = self._space.tree
        self._session.base = self._space.commit or ""
        self._agent: Agent | None = None
        self._said: list[tuple[str, str]] = []
        self._undo: list[str] = []
        self._remark = ""

    def __enter__(self) -> ChatSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def model(self) -> ChatModel:
        """The model that answers."""
        return self._session.model

    @property
    def workspace_root(self) -> Path:
        """The folder of the copy, for showing a file as the model sees it."""
        return self._space.root

    def turn(self, text: str) -> AgentResult:
        """Carry out one request. ``patch`` is everything changed in the session so far.

        :raises UsageError: the text is empty.
        :raises ModelMissingError: the server does not have the model.
        :raises ServiceUnavailableError: the server did not answer when asked for its model.
        """
        if not text.strip():
            raise UsageError("the message is empty")
        if self._agent is None:
            self._agent = self._make_agent()
        before = self._space.snapshot()
        self._session.restart_clock()
        request, self._remark = f"{self._remark}{text}", ""
        outcome = self._agent.run(request)
        after = self._space.snapshot()
        if after != before:
            self._undo.append(before)
        if outcome.answer:
            self._said.append((text, outcome.answer))
        return self._session.result(outcome, self._space.diff(self._space.base, after), None)

    def diff(self) -> str:
        """Return the changes of the session that were not applied yet, as a patch."""
        return self._space.patch()

    def undo(self) -> bool:
        """Take back the changes of the last turn that made any; False when there is none."""
        if not self._undo:
            return False
        self._space.restore(self._undo.pop())
        self._remark = "(The user has undone your last change; read files again.)\n"
        return True

    def apply(self) -> str:
        """Apply the changes to the user's tree, uncommitted, and return them.

        :raises PatchConflictError: they do not apply cleanly; nothing was changed.
        """
        snapshot = self._space.snapshot()
        patch = self._space.diff(self._space.base, snapshot)
        if patch:
            apply_patch(patch, self.root)
            self._space.base = snapshot
            self._undo.clear()
        return patch

    def switch_model(self, model: ChatModel) -> None:
        """Go on with another model; it gets the requests and answers so far, not the tools'
        outputs, whose form belongs to the other's protocol.

        :raises ModelMissingError: the server does not have the model; the old one stays.
        :raises ServiceUnavailableError: the server did not answer; the old one stays.
        """
        before = self._session.model
        self._session.model = model
        try:
            self._agent = self._make_agent()
        except BaseException:
            self._session.model = before
            raise
        for request, answer in self._said:
            self._agent.remember(ChatMessage("user", request), ChatMessage("assistant", answer))
        self._session.emit(EventKind.NOTE, f"model: {model.model}")

    def close(self) -> None:
        """Delete the copy."""
        self._session.trajectory.close()
        self._space.close()

    def _make_agent(self) -> Agent:
        changing = self._session.changing(self._space)
        reading = self._session.reading(self._space.tree, self._search)
        agent = self._session.agent("chat", (*reading.tools(), *changing.tools()))
        share_clock(changing, agent)
        return agent
