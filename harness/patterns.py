r"""Patterns that choose paths, in the syntax of ``.gitignore``, decided entry by entry as git does.

``pathspec`` 1.1 judges whole files, not folders: with the common allow-list ``*``, ``!*/``,
``!*.py`` it calls the folder ``src/`` ignored, and a walk that prunes ignored folders finds
nothing. Here an entry (file or folder) is judged on its own and a pruned folder's content is
never asked about, which is git's own order (``dir.c``, ``wildmatch.c``); a test compares both
on random trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_NEVER = r"(?!)"
_SPECIAL = re.compile(r"[*?\[\\]")


# A path has at most 4,096 bytes. What is longer than any pattern for one is not translated.
_MAX_PATTERN_CHARS = 16_384


@dataclass(slots=True)
class _Pattern:
    """One pattern; it is translated when it is first needed, for a list may have a million."""

    glob: str
    negated: bool
    folders_only: bool
    by_name: bool
    ignores_case: bool
    _regex: re.Pattern[str] | None = field(default=None, compare=False)

    def matches(self, path: str, name: str) -> bool:
        text = name if self.by_name else path
        if self._regex is None:
            if _SPECIAL.search(self.glob) is None and not self.ignores_case:
                return text == self.glob
            # As in git, only ASCII letters have a case.
            flags = re.IGNORECASE | re.ASCII if self.ignores_case else re.NOFLAG
            self._regex = re.compile(_translate(self.glob), re.DOTALL | flags)
        return self._regex.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class PathPatterns:
    """Patterns in the order of their text, such as the lines of an ignore file or one path glob."""

    patterns: tuple[_Pattern, ...]

    @classmethod
    def parse(cls, text: str, ignores_case: bool = False) -> PathPatterns:
        """Read one pattern a line; lines that git would not understand match nothing.

        :param ignores_case: as git's ``core.ignoreCase``.
        """
        lines = text.removeprefix("\ufeff").split("\n")
        found = (_parse_line(line, ignores_case) for line in lines)
        return cls(tuple(pattern for pattern in found if pattern is not None))

    @property
    def negates(self) -> bool:
        """True when some pattern begins with ``!``: it lets an entry in again."""
        return any(pattern.negated for pattern in self.patterns)

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Judge one entry by the last pattern that matches it.

        :param path: relative to the folder of the ignore file, without a trailing slash.
        :param is_folder: patterns that end in ``/`` match folders only.
        :returns: True for a match, False for one with ``!``, None when no pattern matches.
        """
        name = path[path.rfind("/") + 1 :]
        for pattern in reversed(self.patterns):
            if pattern.folders_only and not is_folder:
                continue
            if pattern.matches(path, name):
                return not pattern.negated
        return None

    def chooses(self, path: str) -> bool:
        """Tell whether a file, or a folder above it, matches."""
        return bool(self.verdict(path, False)) or any(
            self.verdict(folder, True) for folder in folders_above(path)
        )


def folders_above(path: str) -> Iterator[str]:
    """The folders that an entry is in, the uppermost first."""
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _parse_line(line: str, ignores_case: bool) -> _Pattern | None:
    line = line.removesuffix("\r")
    if line.startswith("#"):
        return None
    kept = line.rstrip(" ")
    # A space after an odd number of backslashes is escaped and stays.
    if len(kept) < len(line) and (len(kept) - len(kept.rstrip("\\"))) % 2 == 1:
        kept += " "
    negated = kept.startswith("!")
    kept = kept[1:] if negated else kept
    folders_only = kept.endswith("/")
    kept = kept[:-1] if folders_only else kept
    if not kept or len(kept) > _MAX_PATTERN_CHARS:
        return None
    by_name = "/" not in kept
    return _Pattern(kept.removeprefix("/"), negated, folders_only, by_name, ignores_case)


def _translate(glob: str) -> str:
    """Turn a wildmatch glob into a regular expression for ``fullmatch``.

    Of several ``*`` in one segment, or ``**`` in one path, only the last is tried at more than one
    length: what stands between two of them may as well match where it first can, so that time does
    not grow with a power of the path's length.
    """
    out: list[str] = []
    star = folders = -1  # where the last "*" of this segment and the last "**/" are in out
    at, end = 0, len(glob)
    while at < end:
        char = glob[at]
        if char == "\\":
            if at + 1 == end:
                return _NEVER
            star = -1 if glob[at + 1] == "/" else star
            out.append(re.escape(glob[at + 1]))
            at += 2
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "*":
            stop = at
            while stop < end and glob[stop] == "*":
                stop += 1
            whole_part = (at == 0 or glob[at - 1] == "/") and (stop == end or glob[stop] == "/")
            if stop - at >= 2 and whole_part and stop < end:
                if folders >= 0:
                    out[folders:] = [f"(?>(?:[^/]*/)*?{''.join(out[folders + 1 :])})"]
                folders, star = len(out), -1
                out.append("(?:.*/)?")
                stop += 1
            elif stop - at >= 2 and whole_part:
                out.append(".*")
            else:
                if star >= 0:
                    out[star:] = [f"(?>[^/]*?{''.join(out[star + 1 :])})"]
                star = len(out)
                out.append("[^/]*")
            at = stop
        elif char == "[":
            translated, at = _translate_class(glob, at + 1)
            if not translated:
                return _NEVER
            out.append(translated)
        else:
            star = -1 if char == "/" else star
            out.append(re.escape(char))
            at += 1
    return "".join(out)


def _translate_class(glob: str, at: int) -> tuple[str, int]:
    """Translate a bracket expression whose content starts at ``at``; empty when not closed."""
    negated = glob[at : at + 1] in ("!", "^")
    at += negated
    members: list[str] = []
    first = True
    while at < len(glob):
        char = glob[at]
        if char == "]" and not first:
            if not members:
                return ("[^/]" if negated else _NEVER), at + 1
            return f"(?!/)[{'^' if negated else ''}{''.join(members)}]", at + 1
        first = False
        if glob.startswith("[:", at):
            stop = glob.find(":]", at)
            if stop < 0 or glob[at + 2 : stop] not in _POSIX_CLASSES:
                return "", at
            members.append(_POSIX_CLASSES[glob[at + 2 : stop]])
            at = stop + 2
            continue
        low, at = _class_char(glob, at)
        if glob[at : at + 1] == "-" and glob[at + 1 : at + 2] not in ("", "]"):
            high, at = _class_char(glob, at + 1)
            if low <= high:
                members.append(f"{_class_escape(low)}-{_class_escape(high)}")
        else:
            members.append(_class_escape(low))
    return "", at


def _class_char(glob: str, at: int) -> tuple[str, int]:
    if glob[at] == "\\" and at + 1 < len(glob):
        return glob[at + 1], at + 2
    return glob[at], at + 1


def _class_escape(char: str) -> str:
    return "\\" + char if char in "\\]^-[&~|" else char
