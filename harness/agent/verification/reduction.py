"""Reduces the output of a failed command to what failed and why.

Eight thousand characters of test names cost a small model two minutes of reading and the error it
should have seen. What is left out stays readable in the trajectory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.agent.verification.runners import Runner, runner_of

MAX_CHARS = 1_500
MAX_LINE_CHARS = 240
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
_FAILED_COUNT = (
    re.compile(r"\b(\d{1,9}) failed\b"),
    re.compile(r"\bFAILED \((?:failures=(\d{1,9}))?(?:, )?(?:errors=(\d{1,9}))?"),
    re.compile(r"Failures: (\d{1,9})(?:, Errors: (\d{1,9}))?"),
    re.compile(r"\b(\d{1,9}) tests? failed out of"),
    re.compile(r"^[#ℹ] fail (\d{1,9})", re.MULTILINE),
    re.compile(r"\b(\d{1,9}) errors?\b"),
)


def reduced(output: str, max_chars: int = MAX_CHARS) -> str:
    """Return the failures of an output, the first ones first, in at most ``max_chars``.

    What no rule knows is cut in its middle. Runs of the same failure, as of one parametrized test,
    are told once.
    """
    text = _ESCAPES.sub("", output).replace("\r\n", "\n").strip("\n")
    if len(text) <= max_chars // 3:
        return text
    lines = [line if len(line) <= MAX_LINE_CHARS else line[:MAX_LINE_CHARS] + "…"
             for line in text.split("\n")]  # fmt: skip
    # Of the lines as they are cut: patterns of runners take the square of a line's length.
    runner = runner_of(lines)
    blocks = _distinct(_blocks(lines, runner))
    if not blocks:
        return _ends(lines, max_chars)
    tail = list(dict.fromkeys(line for line in lines if runner.always.search(line)))[-2:]
    room = max_chars - sum(len(line) + 1 for line in tail) - 40
    shown: list[str] = []
    for number, block in enumerate(blocks):
        size = sum(len(line) + 1 for line in block)
        if size > room:
            if not shown:
                shown += _fitting(block, room)
                number += 1
            left = len(blocks) - number
            shown += [f"… and {left} more failures"] if left > 0 else []
            break
        shown += block
        room -= size
    return "\n".join([*shown, *(line for line in tail if line not in shown)])[:max_chars]


def failures_in(output: str) -> int | None:
    """Return how many tests or errors an output counts, None where it does not say."""
    for pattern in _FAILED_COUNT:
        found = pattern.findall(output)
        if found:
            groups = found[-1] if isinstance(found[-1], tuple) else (found[-1],)
            return sum(int(group) for group in groups if group)
    return None


def _blocks(lines: Sequence[str], runner: Runner) -> list[list[str]]:
    blocks: list[list[str]] = []
    open_block: list[str] | None = None
    for line in lines:
        if runner.starts.search(line):
            open_block = [line]
            blocks.append(open_block)
        elif open_block is not None and runner.ends.search(line):
            open_block = None
        elif open_block is not None and runner.keep.search(line):
            if len(open_block) < runner.block_lines:
                open_block.append(line)
            else:  # the end of a block says more than its middle
                del open_block[runner.block_lines // 2]
                open_block.append(line)
    return blocks


def _distinct(blocks: Sequence[list[str]]) -> list[list[str]]:
    """Leave out blocks that differ from an earlier one in their first line and in numbers only."""
    seen: set[str] = set()
    kept = []
    for block in blocks:
        body = "\n".join(block[1:]) or block[0]
        key = re.sub(r"\d+", "0", _ADDRESS.sub("", body))
        if key not in seen:
            seen.add(key)
            kept.append(block)
    return kept


def _fitting(block: Sequence[str], room: int) -> list[str]:
    """The first line of a block that is too long, and as much of its end as fits."""
    kept: list[str] = []
    room -= len(block[0]) + 1
    for line in reversed(block[1:]):
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return [block[0], *reversed(kept)]


def _ends(lines: Sequence[str], max_chars: int) -> str:
    text = "\n".join(lines)
    if len(text) <= max_chars:
        return text
    third = (max_chars - 10) // 3
    return f"{text[:third]}\n[…]\n{text[-2 * third + 5 :]}"
