r"""Patterns of ``.gitignore`` files, decided entry by entry as git does.

``pathspec`` 1.1 judges whole files, not folders: with the common allow-list ``*``, ``!*/``,
``!*.py`` it calls the folder ``src/`` ignored, and a walk that prunes ignored folders finds
nothing. Here an entry (file or folder) is judged on its own and a pruned folder's content is
never asked about, which is git's own order (``dir.c``, ``wildmatch.c``); a test compares both
on random trees.
"""

from __future__ import annotations

import re
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


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    negated: bool
    folders_only: bool
    by_name: bool


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules of one ignore file, in its order."""

    rules: tuple[_Rule, ...]

    @classmethod
    def parse(cls, text: str) -> IgnoreRules:
        """Read an ignore file; lines that git would not understand match nothing."""
        lines = text.removeprefix("\ufeff").split("\n")
        return cls(tuple(rule for line in lines if (rule := _parse_line(line)) is not None))

    @property
    def negates(self) -> bool:
        """True when some rule lets an entry in again."""
        return any(rule.negated for rule in self.rules)

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Judge one entry by the last rule that matches it.

        :param path: relative to the folder of the ignore file, without a trailing slash.
        :param is_folder: rules that end in ``/`` match folders only.
        :returns: True for ignored, False for let in again, None when no rule matches.
        """
        name = path[path.rfind("/") + 1 :]
        for rule in reversed(self.rules):
            if rule.folders_only and not is_folder:
                continue
            if rule.pattern.fullmatch(name if rule.by_name else path):
                return not rule.negated
        return None


@dataclass(slots=True)
class IgnoreTree:
    """The ignore files of a tree, each valid from its folder downwards."""

    _files: dict[str, IgnoreRules] = field(default_factory=dict)
    _folders: dict[str, bool] = field(default_factory=dict)

    @property
    def negates(self) -> bool:
        """True when some rule lets an entry in again."""
        return any(rules.negates for rules in self._files.values())

    def add(self, folder: str, text: str) -> None:
        """Add the ignore file of a folder (``""`` for the root) before asking about its content."""
        rules = IgnoreRules.parse(text)
        if rules.rules:
            self._files[folder] = rules

    def ignores(self, path: str, is_folder: bool = False) -> bool:
        """Tell whether an entry, or a folder above it, is ignored."""
        if not self._files:
            return False
        if is_folder:
            return self._ignores_folder(path)
        parent, _, _ = path.rpartition("/")
        return self._ignores_folder(parent) or self._verdict(path, False) is True

    def _ignores_folder(self, folder: str) -> bool:
        # Not recursive: a path of 4,096 bytes can be 2,000 folders deep.
        unknown: list[str] = []
        while folder and folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        ignored = self._folders[folder] if folder else False
        for child in reversed(unknown):
            ignored = ignored or self._verdict(child, True) is True
            self._folders[child] = ignored
        return ignored

    def lets_in(self, path: str) -> bool:
        """Tell whether a ``!`` rule names a file, or a folder above it, explicitly."""
        if not self.negates:
            return False
        parts = path.split("/")
        folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return self._verdict(path, False) is False or any(
            self._verdict(folder, True) is False for folder in folders
        )

    def _verdict(self, path: str, is_folder: bool) -> bool | None:
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            rules = self._files.get(folder)
            if rules is not None:
                relative = path[len(folder) + 1 :] if folder else path
                verdict = rules.verdict(relative, is_folder)
                if verdict is not None:
                    return verdict
        return None


def _parse_line(line: str) -> _Rule | None:
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
    if not kept:
        return None
    by_name = "/" not in kept
    pattern = re.compile(_translate(kept.removeprefix("/")), re.DOTALL)
    return _Rule(pattern, negated, folders_only, by_name)


def _translate(glob: str) -> str:
    """Turn a wildmatch glob into a regular expression for ``fullmatch``."""
    out: list[str] = []
    at, end = 0, len(glob)
    while at < end:
        char = glob[at]
        if char == "\\":
            if at + 1 == end:
                return _NEVER
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
                out.append("(?:.*/)?")
                stop += 1
            elif stop - at >= 2 and whole_part:
                out.append(".*")
            else:
                out.append("[^/]*")
            at = stop
        elif char == "[":
            translated, at = _translate_class(glob, at + 1)
            if not translated:
                return _NEVER
            out.append(translated)
        else:
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
