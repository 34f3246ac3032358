"""Register pools and deployments: runs ``deployments.apply`` in a process of its own.

Importing Prefect and loading the flows takes seconds, and their memory. One subprocess does that
while the server starts, and the caller never imports Prefect.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StackError
from harness.files import open_private
from harness.stack.bundle import with_code

# For a process that is told to end before it is killed.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was looked at.

    :param kind: ``work-pool``, ``deployment``, ``limit``, ``automation`` or ``block``.
    :param change: ``created``, ``updated``, ``unchanged`` or ``deleted``.
    """

    kind: str
    name: str
    id: str
    change: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A ``python -m deployments.apply`` under way.

    :param output: receives one line of JSON for each change.
    :param log: receives Prefect's own messages.
    """

    process: subprocess.Popen[bytes]
    output: Path
    log: Path

    def is_done(self) -> bool:
        """Tell whether it has finished.

        :raises StackError: it failed; the message holds its last words and names the log.
        """
        code = self.process.poll()
        if code:
            raise StackError(f"deploying failed: {last_line(self.log)} (see {self.log})")
        return code == 0

    def wait(self, timeout_seconds: float) -> tuple[Change, ...]:
        """Wait for the end and return what it did.

        :raises StackError: it failed or took too long.
        """
        try:
            self.process.wait(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            raise StackError(
                f"deploying did not end within {timeout_seconds:.0f} s (see {self.log})"
            ) from None
        self.is_done()
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return tuple(Change(**json.loads(line)) for line in lines if line.startswith("{"))


@contextmanager
def deploying(
    pool_type: str,
    *,
    env: Mapping[str, str],
    log: Path,
    wait_seconds: float,
    prune: bool = False,
) -> Iterator[Deployment]:
    """Deploy in the background; at the end of the block no process is left.

    :param env: names the server and the work pool.
    :param log: receives Prefect's own messages.
    :param wait_seconds: for the server to answer.
    :param prune: remove what was made by an earlier one and is no longer declared.
    """
    output = log.with_suffix(".jsonl")
    with open_private(log) as errors, open_private(output) as changes:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "deployments.apply"),
                *("--pool", pool_type, "--wait-seconds", str(wait_seconds)),
                *(("--prune",) if prune else ()),
            ],
            env=with_code(env),
            stdin=subprocess.DEVNULL,
            stdout=changes,
            stderr=errors,
        )
    try:
        yield Deployment(process, output, log)
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=_GRACE_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "no output"
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "no output")
