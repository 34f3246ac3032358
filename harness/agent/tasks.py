"""A task from beginning to end: a copy to work on, the way of working, the review, the patch."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from harness.agent.envelope import Envelope
from harness.agent.review import TaskReview, no_change_reason
from harness.agent.session import RunArguments, Session, checked_text
from harness.agent.task_work import TaskWork
from harness.agent.verification.verifier import Verifier
from harness.models.protocols import ChatModel
from harness.workspace.copies import create_workspace

__all__ = ["no_change_reason", "run_task"]


def run_task(
    text: str,
    root: Path,
    model: ChatModel,
    *,
    verify: str | None = None,
    ref: str | None = None,
    **arguments: Unpack[RunArguments],
) -> Envelope:
    """Carry out a task on a copy of a repository; the envelope holds the patch.

    :param verify: command that must pass; it is run first, and its failure goes to the model.
    :param ref: commit to start from; None: the files as they are, uncommitted changes included.
    :raises UsageError: the text is empty, the ref does not exist, or the disk is full.
    :raises PolicyError: ``root`` may not be copied, or ``verify`` could not be run here.
    """
    text = checked_text(text, "task")
    space = create_workspace(root, ref=ref)
    try:
        session = Session(space.source.root, space, **arguments)
        verifier = None
        if verify is not None:
            commands = session.command_runner(space)
            commands.require_isolation()  # before a model spends an hour on it
            verifier = Verifier(verify, space, commands, session.recorder)
        session.verifier = verifier
        review = TaskReview(space, verifier, max_failures=session.limits.verifications, task=text)
        work = TaskWork(text, space, session, verifier, review)
        return session.run(
            "task",
            model,
            text,
            prepare=work.prepare,
            message=work.first_message,
            prelude=work.before_the_loop,
            rescue=work.after_the_loop,
            review=review.judge,
            patch=review.patch,
        )
    finally:
        space.close()
