"""The verification of one run: the command, run at most once on each state of the files."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from harness.agent.events import EventKind
from harness.agent.recorder import Recorder
from harness.agent.tools.commands import CommandRunner
from harness.agent.tools.tool import first_line
from harness.agent.verification.reduction import failures_in, reduced
from harness.workspace.copies import Workspace

_EXIT_CODE = re.compile(r"\Aexit code (-?\d+)\n")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification said: whether it passed, its whole output, and its essence for a model.
    ``failures`` counts failed tests or errors, None where the output does not."""

    ok: bool
    output: str
    essence: str
    failures: int | None


class Verifier:
    """Runs one command on the files as they are.

    Whatever the command leaves behind is taken back, so that it is no part of the patch. The
    verdict on a state of the files that was seen before is not asked for again.
    """

    def __init__(
        self, command: str, space: Workspace, commands: CommandRunner, recorder: Recorder
    ) -> None:
        self.command = command
        self.seconds = 0.0
        self.runs = 0
        self._space = space
        self._commands = commands
        self._recorder = recorder
        self._known: dict[str, Verdict] = {}

    def verify(self, snapshot: str, *, quietly_within_seconds: float | None = None) -> Verdict:
        """Return the verdict on a snapshot, which the files have to be at.

        :param quietly_within_seconds: for one of many trials: a shorter time-out, whose verdict is
            not kept, and no line for a person unless it passes.
        """
        known = self._known.get(snapshot)
        if known is not None:
            return known
        began = time.monotonic()
        output = self._commands.run(self.command, quietly_within_seconds)
        self._space.restore(snapshot)
        self.seconds += time.monotonic() - began
        self.runs += 1
        summary = f"verify {first_line(self.command, 100)}: {output.summary}"
        is_trial = quietly_within_seconds is not None
        if output.ok or not is_trial:
            self._recorder.event(EventKind.VERIFY, output.text, summary=summary)
        self._recorder.line("verify", ok=output.ok, output=output.text)
        essence = reduced(_EXIT_CODE.sub("", output.text))
        verdict = Verdict(output.ok, output.text, essence, failures_in(output.text))
        if output.ok or not is_trial:
            self._known[snapshot] = verdict
        return verdict

    def is_known(self, snapshot: str) -> bool:
        """Tell whether a snapshot was verified before."""
        return snapshot in self._known
