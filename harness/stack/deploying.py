"""Register pools and deployments: runs ``deployments.apply`` in a process of its own.

Importing Prefect and loading the flows takes seconds and their memory; done in one subprocess,
it can go on while the server starts, and the caller never imports Prefect.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness.errors import StackError

# deployments/apply.py looks for the server this long; it is started together with it.
_WAIT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was looked at: ``kind`` is ``work-pool``, ``deployment``, ``limit``,
    ``automation`` or ``block``, ``change`` is ``created``, ``updated``, ``unchanged`` or
    ``deleted``."""

    kind: str
    name: str
    id: str
    change: str


class DeployProcess:
    """A running ``python -m deployments.apply``; a context manager that leaves none behind.

    :param log: receives the output of Prefect's own messages.
    :param prune: remove what was made by an earlier one and is declared no longer.
    """

    def __init__(
        self, pool: str, *, env: Mapping[str, str], log: Path, prune: bool = False
    ) -> None:
        self._log = log
        self._output = log.with_suffix(".jsonl")
        with log.open("wb") as errors, self._output.open("wb") as output:
            log.chmod(0o600)
            self._output.chmod(0o600)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "deployments.apply"),
                    *("--pool", pool, "--wait-seconds", str(_WAIT_SECONDS)),
                    *(("--prune",) if prune else ()),
                ],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )

    def __enter__(self) -> DeployProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process.poll() is None:
                self._process.terminate()
            self._process.wait(timeout=5)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def check(self) -> bool:
        """Tell whether it has finished.

        :raises StackError: it failed; the message holds its last words and names the log.
        """
        code = self._process.poll()
        if code is None:
            return False
        if code != 0:
            raise StackError(f"deploying failed: {last_line(self._log)} (see {self._log})")
        return True

    def wait(self, timeout_seconds: float) -> tuple[Change, ...]:
        """Wait for the end and return what it did.

        :raises StackError: it failed or took too long.
        """
        try:
            self._process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            raise StackError(
                f"deploying did not end within {timeout_seconds:.0f} s (see {self._log})"
            ) from None
        self.check()
        lines = self._output.read_text(encoding="utf-8").splitlines()
        return tuple(Change(**json.loads(line)) for line in lines if line.startswith("{"))


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "no output"
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "no output")
