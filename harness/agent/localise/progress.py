"""Whether a version that still fails is nearer to the goal than another."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

from harness.agent.kept_tests import is_check
from harness.agent.localise.places import FRAME, MAX_FRAMES
from harness.agent.verification.verifier import Verdict


def got_further(was: Verdict, now: Verdict, command: str, root: Path) -> bool:
    """Tell whether fewer tests fail, or a check that ends at its first failure fails further down.

    :param was: of the version to compare with; both failed.
    :param root: of the copy that both were run in, whose paths they print.
    """
    if was.failures and now.failures and was.failures != now.failures:
        return now.failures < was.failures
    before, after = (_check_lines(one.output, command, root) for one in (was, now))
    steps = [after[path] - before[path] for path in before.keys() & after.keys()]
    return bool(steps) and min(steps) >= 0 and max(steps) > 0


def _check_lines(output: str, command: str, root: Path) -> dict[str, int]:
    """The line at which each file that judges was last seen in an output."""
    found: dict[str, int] = {}
    for match in deque(FRAME.finditer(output), MAX_FRAMES):
        path = re.sub(r"^\./", "", match[1].removeprefix(f"{root}/"))
        if is_check(path, command):
            found[path] = int(match[2])
    return found
