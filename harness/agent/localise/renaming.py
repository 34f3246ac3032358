"""A rename, which needs no model: the task says both names, and the verification judges."""

from __future__ import annotations

import re

from harness import charsets
from harness.agent.kept_tests import is_check
from harness.errors import HarnessError
from harness.repository.skip_names import is_secret
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

_NAME = r"[`'\"]?((?:[A-Za-z_][\w]*\.)*[A-Za-z_]\w*)(?:\(\))?[`'\"]?"
_KIND = r"(?:(?:the|a|an|its|our)\s+)?(?:[a-z]+\s+){0,2}?"
_RENAME = re.compile(rf"\b[Rr]enam(?:e|ing)\s+{_KIND}{_NAME}\s+(?:to|into|as|->)\s+{_NAME}")


def wanted_rename(task: str) -> tuple[str, str] | None:
    """Return the old and the new name when a task asks for exactly one rename."""
    found = {(old.rpartition(".")[2], new.rpartition(".")[2]) for old, new in _RENAME.findall(task)}
    if len(found) != 1:
        return None
    old, new = found.pop()
    return None if old == new else (old, new)


def rename_everywhere(tree: ConfinedTree, old: str, new: str, command: str = "") -> list[str]:
    """Replace a name, as a whole word, in all sources but tests; returns the files changed.

    :param command: of the verification; what it judges by is left as it is, too.
    """
    word = re.compile(rf"(?<![\w]){re.escape(old)}(?![\w])")
    changed = []
    for path in list_files(tree.root):
        if is_check(path, command) or is_secret(path):
            continue
        try:
            data = tree.read_bytes(path)
        except HarnessError:
            continue
        found = charsets.decoded(data)
        if found is None:
            continue
        text = found[0]
        renamed = word.sub(new, text)
        if renamed != text:
            tree.write_bytes(path, charsets.rewritten(data, renamed))
            changed.append(path)
    return changed
