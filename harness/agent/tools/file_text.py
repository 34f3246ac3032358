"""The text of a file, line by line, each line with the line end it has.

Models see and send lines that end in ``\\n``, whatever the file has. A change is made on that plain
text and carried over, so that every line that stays keeps its bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

BOM = "\ufeff"
_END = re.compile(r"\r\n|\n")
_CR = re.compile(r"\r\n|\r")
# Beyond this many pairs of lines, difflib leaves frequent lines out of the comparison.
_EXACT_PAIRS = 4_000_000


def split_lines(text: str) -> tuple[list[str], list[str]]:
    """Return the lines of a text without their ends, and the ends: one fewer, because the last
    line has none (it is empty where the text ends with a line end).

    A lone ``\\r`` ends a line only in a text without any ``\\n``.
    """
    pattern = _CR if "\n" not in text else _END
    return pattern.split(text), pattern.findall(text)


@dataclass(frozen=True, slots=True)
class FileText:
    """``bom`` is a byte order mark or empty; ``lines`` and ``ends`` as in :func:`split_lines`."""

    bom: str
    lines: tuple[str, ...]
    ends: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> FileText:
        """Take a text apart; :attr:`text` puts it together again, to the byte."""
        bom = BOM if text.startswith(BOM) else ""
        lines, ends = split_lines(text[len(bom) :])
        return cls(bom, tuple(lines), tuple(ends))

    @property
    def text(self) -> str:
        """The text as it stands in the file."""
        pairs = zip(self.lines, (*self.ends, ""), strict=True)
        return self.bom + "".join(line + end for line, end in pairs)

    @property
    def plain(self) -> str:
        """The text as a model sees it: no byte order mark, every line end is ``\\n``."""
        return "\n".join(self.lines)

    @property
    def kinds_of_ends(self) -> Counter[str]:
        """How many lines end in what."""
        return Counter(self.ends)

    def as_plain(self, said: str) -> str:
        """Return what a model said with line ends that can be compared with :attr:`plain`."""
        said = said.replace("\r\n", "\n")
        return said.replace("\r", "\n") if "\r" in self.ends else said

    def without_bom(self) -> FileText:
        """Make the byte order mark a character of the first line, which an edit may remove."""
        return FileText("", (self.bom + self.lines[0], *self.lines[1:]), self.ends)

    def replaced(self, start: int, stop: int, new: str) -> FileText:
        """Replace ``plain[start:stop]``.

        Lines that stay keep their line ends, lines that replace others get theirs, and added
        lines get that of a neighbour.
        """
        starts = list(accumulate((len(line) + 1 for line in self.lines), initial=0))
        first, last = _line_at(starts, start), _line_at(starts, stop)
        before = self.lines[first][: start - starts[first]]
        after = self.lines[last][stop - starts[last] :]
        lines = (before + new + after).split("\n")
        ends = (*self.ends, "")
        # Where a part of the last line stays, its line end stays with it.
        pinned = bool(after) or stop == starts[last]
        beyond = last if pinned else last + 1
        fallback = self._end_near(first, last)
        changed = lines[:-1] if pinned else lines
        new_ends = _carry(self.lines[first:beyond], ends[first:beyond], changed, fallback)
        if pinned:
            new_ends.append(ends[last])
        if last == len(self.ends):
            new_ends.pop()  # the end of the file is no line end
            tail: tuple[str, ...] = ()
        else:
            tail = self.ends[last + 1 :]
        return FileText(
            self.bom,
            (*self.lines[:first], *lines, *self.lines[last + 1 :]),
            (*self.ends[:first], *new_ends, *tail),
        )

    def _end_near(self, first: int, last: int) -> str:
        near = self.ends[first - 1 : first] if first > 0 else self.ends[: last + 2]
        return near[0] if near else "\n"


def count_changes(before: FileText, after: FileText) -> tuple[int, int]:
    """Return how many lines were added and removed; another line end is another line."""
    old = [*zip(before.lines, (*before.ends, ""), strict=True)]
    new = [*zip(after.lines, (*after.ends, ""), strict=True)]
    if before.lines[-1] == "":
        old.pop()
    if after.lines[-1] == "":
        new.pop()
    same = sum(block.size for block in matching_blocks(old, new))
    return len(new) - same, len(old) - same


def _line_at(starts: Sequence[int], offset: int) -> int:
    # The last entry lies one beyond the end of the text.
    low, high = 0, len(starts) - 2
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if starts[middle] <= offset else (low, middle - 1)
    return low


def _carry(
    old: Sequence[str], old_ends: Sequence[str], new: Sequence[str], fallback: str
) -> list[str]:
    """Return a line end for each of the new lines."""
    kinds = {end for end in old_ends if end}
    if len(kinds) <= 1:
        return [next(iter(kinds), fallback)] * len(new)
    known = [""] * len(new)
    at, to = 0, 0
    for block in matching_blocks(old, new):
        # Lines between two blocks replace one another in their order.
        for step in range(min(block.a - at, block.b - to)):
            known[to + step] = old_ends[at + step]
        for step in range(block.size):
            known[block.b + step] = old_ends[block.a + step]
        at, to = block.a + block.size, block.b + block.size
    nearest = fallback
    for number, end in enumerate(known):
        nearest = known[number] = end or nearest
    return known


@dataclass(frozen=True, slots=True)
class Block:
    """``size`` equal lines, from ``a`` in the old and from ``b`` in the new ones."""

    a: int
    b: int
    size: int

    @property
    def of_old(self) -> range:
        """The numbers of its old lines."""
        return range(self.a, self.a + self.size)

    @property
    def of_new(self) -> range:
        """The numbers of its new lines."""
        return range(self.b, self.b + self.size)


def matching_blocks(old: Sequence[object], new: Sequence[object]) -> list[Block]:
    """Return blocks of equal lines in order; the last one is empty and lies at both ends."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    junk = len(middle_old) * len(middle_new) > _EXACT_PAIRS
    matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=junk)
    middle = [Block(m.a + head, m.b + head, m.size) for m in matcher.get_matching_blocks()[:-1]]
    ends = [Block(len(old) - tail, len(new) - tail, tail), Block(len(old), len(new), 0)]
    return [Block(0, 0, head), *middle, *ends]
