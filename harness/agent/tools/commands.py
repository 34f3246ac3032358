"""Runs commands in the copy of a repository: those of the model and the user's ``--verify``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from harness.agent.clock import RunClock
from harness.agent.tools.held_secrets import held_secrets
from harness.agent.tools.tool import ToolOutput
from harness.repository.credentials import redact
from harness.repository.known_values import KnownValues
from harness.workspace.commands import run_command
from harness.workspace.copies import Workspace
from harness.workspace.isolation import probe_isolation
from harness.workspace.policy import CommandPolicy, Level


class CommandRunner:
    """Runs commands within the limits of a policy and the time of the run.

    :param secrets: values that are taken out of a command's output, besides what the copy holds
        before the first command, in any form that :class:`KnownValues` finds.
    :param cancelled: asked while a command runs; True ends the command and the run.
    """

    def __init__(
        self,
        space: Workspace,
        policy: CommandPolicy,
        clock: RunClock,
        *,
        secrets: Sequence[str] = (),
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.space = space
        self.policy = policy
        self.clock = clock
        self.secrets = tuple(secrets)
        self.cancelled = cancelled
        self._known: KnownValues | None = None

    @property
    def isolation(self) -> Level:
        """How commands are isolated here, whether or not that is enough to run them."""
        return probe_isolation(self.policy.network).level

    def require_isolation(self) -> None:
        """Refuse early what would be refused when a command runs.

        :raises PolicyError: this machine does not isolate commands as the policy demands.
        """
        probe_isolation(self.policy.network).require(self.policy.least_isolation)

    def run(self, command: str, within_seconds: float | None = None) -> ToolOutput:
        """Run a command and return its exit code and output, whatever they are.

        :param within_seconds: a shorter time-out than the policy's.
        :raises PolicyError: this machine does not isolate commands as the policy demands.
        :raises KeyboardInterrupt: the run was cancelled.
        """
        if self._known is None:
            # Before a command can move or change what the files hold.
            self._known = KnownValues((*self.secrets, *held_secrets(self.space.root)))
        usual = self.policy.timeout_seconds
        remaining = max(1.0, self.clock.remaining_seconds())
        limit = min(usual, remaining, usual if within_seconds is None else within_seconds)
        policy = dataclasses.replace(self.policy, timeout_seconds=limit)
        result = run_command(
            command,
            self.space.root,
            self.space.scratch,
            policy,
            self.cancelled,
            readable=self.space.readable,
            stands_for=self.space.source.root,
        )
        if result.stopped == "cancelled":
            raise KeyboardInterrupt
        # A whole key first, so that it is hidden as one and not line by line.
        output = self._known.hide(redact(result.output, self.secrets)).rstrip()
        ending = f"\n[stopped: {result.stopped}]" if result.stopped else ""
        text = f"exit code {result.exit_code}\n{output or '(no output)'}{ending}"
        # Most commands say last what came of it: "3 failed, 5 passed in 0.1s".
        last = result.stopped or output.rpartition("\n")[2]
        summary = f"exit {result.exit_code}" + (f", {last.strip(' =')}" if last else "")
        return ToolOutput(text, ok=result.exit_code == 0, summary=summary)
