"""The constants that a piece of code uses: what a function returns often stands in a table above
it, which a search for the question's words does not find."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from harness.agent.sources import Definition

# A longer table is cut by whoever shows it; beyond that its end is not looked for.
MAX_LINES = 40
MAX_VALUE_LINES = 6
_CONSTANT = re.compile(r"(?<![\w.])_{0,2}[A-Z][A-Z0-9_]{2,}\b(?!\s*\()")
# What may stand before the name (`private static final int`, `export const`, `#define`) and after.
_BEFORE = re.compile(r"[\w<>,\[\]&*.:? \t]*|\s*#\s*define\s+")
_AFTER = re.compile(r"(?:\s*\[\w*\])?\s*(?::(?!=)[^=\n]*)?:?=(?!=)")
_OUTERMOST = re.compile(
    r"(?:(?:export|pub|static|final|const|constexpr|var|let|val)\s+)*([A-Za-z_]\w*)\s*(?::[^=\n]*)?:?=(?!=)"
)
_COMMENT = re.compile(r"\s(?:#|//).*")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")


def constants_used(
    code: Sequence[str], path: str, texts: Mapping[str, str]
) -> Sequence[tuple[Definition, Sequence[str]]]:
    """Return the constants (names in capitals) that lines of a file use, each with its lines, in
    the order of their use; without those that nobody gives a value in these files.

    :param texts: files by their paths; the file's own constants come before others of that name.
    """
    found: list[tuple[Definition, Sequence[str]]] = []
    order = [path, *(other for other in texts if other != path)]
    for name in dict.fromkeys(_CONSTANT.findall("\n".join(code))):
        for file in order:
            lines = texts[file].split("\n") if name in texts.get(file, "") else []
            start = next((at for at, line in enumerate(lines) if _gives(line, name)), None)
            if start is not None:
                end = _end(lines, start)
                one = Definition(file, name, start + 1, end, is_callable=False)
                found.append((one, lines[start:end]))
                break
    return found


def values_beside(text: str, inside: Sequence[Definition], words: Collection[str]) -> Sequence[str]:
    """Return the lines that give values to names of a file's outermost level, for these names.

    :param inside: the file's definitions, whose lines do not count.
    """
    lines = text.split("\n")
    within = {at for one in inside for at in range(one.start - 1, one.end)}
    found: list[str] = []
    for at, line in enumerate(lines):
        match = _OUTERMOST.match(line)
        if match and match[1] in words and at not in within:
            found += lines[at : min(_end(lines, at), at + MAX_VALUE_LINES)]
    return found


def _gives(line: str, name: str) -> bool:
    """Tell whether a line gives a constant its value."""
    before, has, after = line.partition(name)
    if not has or after[:1].isalnum() or after[:1] == "_" or before[-1:].isalnum():
        return False
    is_macro = before.lstrip().startswith("#") and after[:1] in (" ", "\t")
    return bool(_BEFORE.fullmatch(before)) and (is_macro or bool(_AFTER.match(after)))


def _end(lines: Sequence[str], start: int) -> int:
    """The number of the line in which the brackets that a line opens are closed."""
    depth = 0
    for at in range(start, min(len(lines), start + MAX_LINES)):
        bare = _COMMENT.sub("", _QUOTED.sub("", lines[at]))
        depth += sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))
        if depth <= 0:
            return at + 1
    return min(len(lines), start + MAX_LINES)
