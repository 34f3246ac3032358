"""A task from beginning to end: a copy to work on, the loop, the review, the patch."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from harness.agent.claims import claims_a_change
from harness.agent.envelope import Envelope
from harness.agent.events import EventKind
from harness.agent.recorder import Recorder
from harness.agent.session import RunArguments, Session, checked_text
from harness.agent.status import Status, Stop
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.tool import first_line
from harness.models.protocols import ChatModel
from harness.workspace.copies import Workspace, create_workspace

NUDGE = (
    "No file has changed; whatever you wrote, nothing was edited. Make the change with edit_file "
    "now. If there is nothing to change, say why."
)


def run_task(
    text: str,
    root: Path,
    model: ChatModel,
    *,
    verify: str | None = None,
    ref: str | None = None,
    state_dir: Path | None = None,
    **arguments: Unpack[RunArguments],
) -> Envelope:
    """Carry out a task on a copy of a repository; the envelope holds the patch.

    :param verify: command that must pass; its output goes back to the model when it fails.
    :param ref: commit to start from; None: the files as they are, uncommitted changes included.
    :param state_dir: empty or missing folder for the copy; None: a temporary one. It is deleted
        at the end.
    :raises UsageError: the text is empty, the ref does not exist, or the disk is full.
    :raises PolicyError: ``root`` may not be copied.
    """
    text = checked_text(text, "task")
    space = create_workspace(root, state_dir, ref)
    try:
        session = Session(space.source.root, space, **arguments)
        review = TaskReview(
            space,
            session.command_runner(space),
            session.recorder,
            verify=verify,
            max_failures=session.limits.verifications,
        )
        return session.run("task", model, text, review=review.judge, patch=review.patch)
    finally:
        space.close()


def no_change_reason(answer: str) -> str:
    """Say that nothing was changed, and whether the model says otherwise."""
    reason = "the model ended without changing a file"
    return f"{reason}, although it says that it did" if claims_a_change(answer) else reason


class TaskReview:
    """Judges a task's final answer: something must have changed, and ``verify`` must pass.

    :param max_failures: how often ``verify`` may fail.
    """

    def __init__(
        self,
        space: Workspace,
        commands: CommandRunner,
        recorder: Recorder,
        *,
        verify: str | None,
        max_failures: int,
    ) -> None:
        self.space = space
        self.commands = commands
        self.recorder = recorder
        self.verify = verify
        self.max_failures = max_failures
        self._accepted: str | None = None
        self._nudged = False
        self._failures = 0

    def judge(self, answer: str) -> str | None:
        """Return what to tell the model, None when the task is done.

        :raises Stop: ``no_change`` or ``verification_failed``.
        """
        snapshot = self.space.snapshot()
        patch = self.space.diff(self.space.base, snapshot)
        if not patch:
            if self._nudged:
                raise Stop(Status.NO_CHANGE, no_change_reason(answer))
            self._nudged = True
            return NUDGE
        remark = None if self.verify is None else self._verify(self.verify, snapshot)
        if remark is None:
            self._accepted = patch
        return remark

    def patch(self) -> tuple[str, bool | None]:
        """Return the patch and whether it was verified, None without a command to verify with.

        What was not accepted is a patch all the same: the work is not lost.
        """
        if self._accepted is not None:
            return self._accepted, True if self.verify is not None else None
        return self.space.patch(), False if self.verify is not None else None

    def _verify(self, command: str, snapshot: str) -> str | None:
        output = self.commands.run(command)
        # Whatever the command left behind is no part of the task.
        self.space.restore(snapshot)
        summary = f"verify {first_line(command, 100)}: {output.summary}"
        self.recorder.event(EventKind.VERIFY, output.text, summary=summary)
        self.recorder.line("verify", ok=output.ok, output=output.text)
        if output.ok:
            return None
        self._failures += 1
        if self._failures >= self.max_failures:
            raise Stop(
                Status.VERIFICATION_FAILED,
                f"`{command}` failed {self._failures} times; its output is in the trajectory",
            )
        return f"`{command}` fails. Fix the code, then answer again. Its output:\n{output.text}"
