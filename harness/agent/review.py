"""Judges a task's final answer: something must have changed, and the verification must pass."""

from __future__ import annotations

from harness.agent.claims import claims_a_change
from harness.agent.kept_tests import asks_for_tests, files_with_changed_tests
from harness.agent.status import Status, Stop
from harness.agent.verification.verifier import Verifier
from harness.errors import HarnessError
from harness.workspace.copies import Workspace

NUDGE = (
    "No file has changed; whatever you wrote, nothing was edited. Make the change with edit_file "
    "now. If there is nothing to change, say why."
)
TESTS_CHANGED = (
    "You changed lines of tests in {files}, and the task does not speak of tests: they say what "
    "is right. Put them back as they were and change the code. If they have to change, say why."
)


def no_change_reason(answer: str) -> str:
    """Say that nothing was changed, and whether the model says otherwise."""
    reason = "the model ended without changing a file"
    return f"{reason}, although it says that it did" if claims_a_change(answer) else reason


class TaskReview:
    """Looks at the files, not at the words.

    :param verifier: None: there is no verification.
    :param max_failures: how often the verification may fail.
    :param task: what was asked for; tests may change without a word only if it speaks of them.
    """

    def __init__(
        self, space: Workspace, verifier: Verifier | None, *, max_failures: int, task: str = ""
    ) -> None:
        self.space = space
        self.verifier = verifier
        self.max_failures = max_failures
        self._accepted: str | None = None
        # The latest patch, for when a command leaves the copy such that it cannot be read again.
        self._seen = ""
        self._nudged = False
        self._failures = 0
        self._keeps_tests = not asks_for_tests(task)

    def restart(self) -> None:
        """Begin to count anew, for another attempt."""
        self._nudged, self._failures = False, 0

    def judge(self, answer: str) -> str | None:
        """Return what to tell the model, None when the task is done.

        :raises Stop: ``no_change`` or ``verification_failed``.
        """
        snapshot = self.space.snapshot()
        patch = self._seen = self.space.diff(self.space.base, snapshot)
        if not patch:
            if self._nudged:
                raise Stop(Status.NO_CHANGE, no_change_reason(answer))
            self._nudged = True
            return NUDGE
        remark = None if self.verifier is None else self._verify(self.verifier, snapshot)
        if remark is None and self._keeps_tests and (files := self._tests_in(patch)):
            self._keeps_tests = False
            return TESTS_CHANGED.format(files=", ".join(files))
        if remark is None:
            self._accepted = patch
        return remark

    def patch(self) -> tuple[str, bool | None]:
        """Return the patch and whether it was verified, None without a command to verify with.

        What was not accepted is a patch all the same: the work is not lost.
        """
        if self._accepted is not None:
            return self._accepted, True if self.verifier is not None else None
        unverified = False if self.verifier is not None else None
        try:
            return self.space.patch(), unverified
        except HarnessError:
            if not self._seen:
                raise
            return self._seen, unverified

    def _tests_in(self, patch: str) -> list[str]:
        command = self.verifier.command if self.verifier is not None else ""
        return files_with_changed_tests(patch, command)

    def _verify(self, verifier: Verifier, snapshot: str) -> str | None:
        again = verifier.is_known(snapshot)
        verdict = verifier.verify(snapshot)
        if verdict.ok:
            return None
        self._failures += 1
        if self._failures >= self.max_failures:
            raise Stop(
                Status.VERIFICATION_FAILED,
                f"`{verifier.command}` failed {self._failures} times; its output is in the "
                "trajectory",
            )
        if again:
            return (
                f"No file has changed since `{verifier.command}` failed, so it was not run again. "
                f"Change the code first. It fails with:\n{verdict.essence}"
            )
        return (
            f"`{verifier.command}` fails. Fix the code, then answer again. What it says:\n"
            f"{verdict.essence}"
        )
