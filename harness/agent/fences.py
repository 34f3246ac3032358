"""Where a fenced block ends, when its text may hold fences of its own.

Models put a fence of three backticks around everything, also around text that holds such fences
(a README, a here-document). The block ends at a closing fence that leaves balanced fences inside
and behind it. Where several would do, the text has more than one meaning, and none is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.agent.validation import FormatError

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([^`\r]*?)[ \t\r]*$")
_MAX_FENCES = 100


@dataclass(frozen=True, slots=True)
class Fence:
    """A line that opens or closes a block. ``line`` is its index, ``indent`` the blanks before
    it; only an opening one has ``info``, the words behind it."""

    line: int
    indent: str
    char: str
    length: int
    info: str


def find_fences(lines: Sequence[str]) -> list[Fence]:
    """Return all fences of a text, in order."""
    found = []
    for number, line in enumerate(lines):
        match = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if match is not None:
            found.append(Fence(number, match[1], match[2][0], len(match[2]), match[3]))
    return found


def find_end(
    lines: Sequence[str], opener: Fence, is_whole: Callable[[int], bool | None]
) -> int | None:
    """Return the line of the closing fence, None when the block is not closed.

    :param lines: what follows the opening fence, up to the end of the turn.
    :param is_whole: tells of the lines before an index whether the block's text is whole: True
        or False where that is certain, None where the fences have to decide.
    :raises FormatError: the block may end in more than one place; the message is for the model.
    """
    fences = [
        fence
        for fence in find_fences(lines)
        if fence.char != opener.char or fence.length >= opener.length
    ]
    closing = [fence for fence in fences if fence.char == opener.char and not fence.info]
    candidates = [fence for fence in closing if fence.indent == opener.indent]
    candidates = candidates or [f for f in closing if len(f.indent) <= len(opener.indent) + 3]
    if len(fences) > _MAX_FENCES:
        raise _unclear(opener)
    open_ends: list[Fence] = []
    for fence in candidates:
        whole = is_whole(fence.line)
        if whole and not open_ends:
            return fence.line
        if whole is not False:
            open_ends.append(fence)
    possible = [
        fence.line
        for fence in open_ends or candidates
        if _is_balanced([f for f in fences if f.line < fence.line])
        and _is_balanced([f for f in fences if f.line > fence.line])
    ]
    if len(possible) > 1:
        raise _unclear(opener)
    return possible[0] if possible else None


def is_one_block(lines: Sequence[str]) -> bool:
    """Tell whether a text is one fenced block from its first line to its last, and not several."""
    fences = find_fences(lines)
    if len(fences) < 2 or fences[0].line != 0 or fences[-1].line != len(lines) - 1:
        return False
    first, last = fences[0], fences[-1]
    if last.info or last.char != first.char or last.length < first.length:
        return False
    inner = [f for f in fences[1:-1] if f.char != first.char or f.length >= first.length]
    several = any(_pairs_up(fences[:end]) for end in range(2, len(fences)))
    return _is_balanced(inner) and not (several and _pairs_up(fences))


def _unclear(opener: Fence) -> FormatError:
    longer = opener.char * (opener.length + 1)
    return FormatError(
        "It is not clear where the action ends, because there are more code fences. Write nothing "
        f"behind the action. If its text holds fences, put {longer}action before it and {longer} "
        "after it."
    )


def _is_balanced(fences: Sequence[Fence]) -> bool:
    """Tell whether fences pair up, in any of the ways in which models write them."""
    backticks = [fence for fence in fences if fence.char == "`"]
    return any(read(kind) for kind in (fences, backticks) for read in (_pairs_up, _nests))


def _pairs_up(fences: Sequence[Fence]) -> bool:
    """As Markdown has it: inside a block everything but its closing fence is text."""
    opened: Fence | None = None
    for fence in fences:
        if opened is None:
            opened = fence
        elif not fence.info and fence.char == opened.char and fence.length >= opened.length:
            opened = None
    return opened is None


def _nests(fences: Sequence[Fence]) -> bool:
    """As models have it: a fence with words behind it opens a block inside another one."""
    opened: list[Fence] = []
    for fence in fences:
        if fence.info or not opened or fence.char != opened[-1].char:
            opened.append(fence)
        elif fence.length >= opened[-1].length:
            opened.pop()
    return not opened
