"""The interactive agent: a conversation, one copy of the repository, undo per request.

The copy is made when the session starts. Changes stay in it until :meth:`ChatSession.apply`.
Ctrl-C ends a request and not the session: the envelope then has the status ``interrupted``.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Unpack

from harness.agent.claims import claims_a_change
from harness.agent.envelope import Envelope
from harness.agent.events import EventKind
from harness.agent.loop import Agent
from harness.agent.session import RunArguments, Session, checked_text
from harness.agent.status import Status, Stop
from harness.agent.tasks import no_change_reason
from harness.models.conversation import ChatMessage
from harness.models.protocols import ChatModel
from harness.workspace.copies import create_workspace
from harness.workspace.patches import apply_patch

CONTRADICTION = (
    "No file has changed; nothing was edited in answer to this request. Make the change with "
    "edit_file now, or answer again without saying that something was changed."
)
UNDONE = "(The user has undone your last change; read files again.)\n"


class ChatSession:
    """One conversation. Use it as a context manager, or call :meth:`close`.

    :raises UsageError: ``root`` is not a folder, or the disk is full.
    :raises PolicyError: ``root`` may not be copied.
    """

    def __init__(self, root: Path, model: ChatModel, **arguments: Unpack[RunArguments]) -> None:
        self._model = model
        self._space = create_workspace(root)
        try:
            self._session = Session(self._space.source.root, self._space, **arguments)
        except BaseException:
            self._space.close()
            raise
        # Made with the first request, so that the session starts while the server is away.
        self._agent: Agent | None = None
        self._said: list[tuple[str, str]] = []
        self._undo: list[str] = []
        self._first = self._space.base
        self._remark = ""
        self._before = ""
        self._contradicted = False

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
        return self._model

    @property
    def workspace_root(self) -> Path:
        """The folder of the copy, for showing a file as the model sees it."""
        return self._space.root

    def send(self, text: str) -> Envelope:
        """Carry out one request. ``patch`` is everything changed in the session so far.

        :raises UsageError: the text is empty.
        :raises ModelMissingError: the server does not have the model.
        :raises ServiceUnavailableError: the server did not answer when asked about the model.
        """
        text = checked_text(text, "message")
        began = time.monotonic()
        agent = self._agent = self._agent or self._new_agent(self._model)
        before = self._before = self._space.snapshot()
        self._contradicted = False
        request, self._remark = f"{self._remark}{text}", ""
        outcome = agent.run(request)
        after = self._space.snapshot()
        if after != before:
            self._undo.append(before)
        if outcome.answer:
            self._said.append((text, outcome.answer))
        patch = self._space.diff(self._space.base, after)
        return self._session.envelope(self._model, agent, outcome, patch, None, began=began)

    def diff(self) -> str:
        """Return the changes of the session that were not applied yet, as a patch."""
        return self._space.patch()

    def undo(self) -> bool:
        """Take back the changes of the last request that made any; False when there is none."""
        if not self._undo:
            return False
        self._space.restore(self._undo.pop())
        self._remark = UNDONE
        return True

    def apply(self) -> str:
        """Apply the changes to the user's tree, uncommitted, and return them.

        :raises PatchConflictError: they do not apply cleanly; nothing was changed.
        """
        snapshot = self._space.snapshot()
        patch = self._space.diff(self._space.base, snapshot)
        if patch:
            apply_patch(patch, self._space.source.root)
            self._space.base = snapshot
            self._undo.clear()
        return patch

    def switch_model(self, model: ChatModel) -> None:
        """Go on with another model.

        It gets the requests and answers so far, not the tools' outputs, whose form belongs to the
        protocol of the model before.

        :raises ModelMissingError: the server does not have the model; the old one stays.
        :raises ServiceUnavailableError: the server did not answer; the old one stays.
        """
        agent = self._new_agent(model)
        for request, answer in self._said:
            agent.remember(ChatMessage("user", request), ChatMessage("assistant", answer))
        self._agent, self._model = agent, model
        name = f"model: {model.model}"
        self._session.recorder.event(EventKind.NOTE, name, summary=name)

    def _new_agent(self, model: ChatModel) -> Agent:
        return self._session.agent("chat", model, self._judge)

    def _judge(self, answer: str) -> str | None:
        """Contradict an answer that claims a change of this request when there was none.

        :raises Stop: ``no_change``: it claims one again, in a session that never changed a file.
        """
        if not claims_a_change(answer) or self._space.snapshot() != self._before:
            return None
        if not self._contradicted:
            self._contradicted = True
            return CONTRADICTION
        if self._before == self._first:
            raise Stop(Status.NO_CHANGE, no_change_reason(answer))
        return None  # it may be about an earlier request

    def close(self) -> None:
        """Delete the copy."""
        self._session.recorder.trajectory.close()
        self._space.close()
