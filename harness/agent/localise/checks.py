"""The code of the checks that fail.

A failure tells of the first case that is wrong. What else has to hold stands beside it, and a model
that does not see it mends that one case and breaks the one before.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence

from harness import charsets
from harness.agent.kept_tests import is_check, is_inner_test
from harness.agent.localise.places import FRAME, MAX_FRAMES
from harness.agent.sources import definitions_in
from harness.errors import HarnessError
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

# About 300 tokens: five seconds of reading on one core.
MAX_CHARS = 1_000
MAX_LINES = 24
# What brings names into a file says nothing about what has to hold.
_DULL = re.compile(r"\s*(?:$|import\b|from\b.*\bimport\b|#\s*include\b|package\b|use\b|using\b)")


def failing_checks(
    tree: ConfinedTree, output: str, command: str, secrets: Sequence[str] = ()
) -> str:
    """Return the functions of tests in which an output says that something failed, or the lines
    around in a script; at most :data:`MAX_CHARS`, empty when there are none.

    :param output: the whole one of the failed command.
    :param secrets: values that the model does not get to see; a file that holds one is left out,
        and so is one with a credential.
    """
    shown: dict[str, None] = {}
    room = MAX_CHARS
    for path, line in _places(tree, output):
        try:
            text = charsets.readable(tree.read_bytes(path)).replace("\r\n", "\n")
        except HarnessError:
            continue
        part = _around(path, text, line, command)
        if not part or part in shown or len(part) > room or redact(text, secrets) != text:
            continue
        shown[part] = None
        room -= len(part)
    return "\n\n".join(shown)


def _places(tree: ConfinedTree, output: str) -> Iterator[tuple[str, int]]:
    """The lines of the repository's files that an output names, in its order, each once."""
    names = [name for name in list_files(tree.root) if not is_secret(name)]
    found: dict[tuple[str, int], None] = {}
    for match in deque(FRAME.finditer(output), MAX_FRAMES):
        path = match[1].removeprefix("./")
        for name in names:
            if path == name or path.endswith(f"/{name}") or name.endswith(f"/{path}"):
                found[name, int(match[2])] = None
                break
    yield from found


def _around(path: str, text: str, line: int, command: str) -> str:
    """The check that a line of a file belongs to; empty when it is none."""
    lines = text.rstrip("\n").split("\n")
    if line > len(lines):
        return ""
    callables = [one for one in definitions_in(path, text) if one.is_callable]
    around = [one for one in callables if one.start <= line <= one.end]
    if not is_check(path, command):
        around = [one for one in around if is_inner_test(one, lines)]
        if not around:
            return ""
    first, last = 1, len(lines)
    if around:
        smallest = min(around, key=lambda one: one.end - one.start)
        first, last = smallest.start, smallest.end
    if last - first >= MAX_LINES:
        first = max(first, line - MAX_LINES // 2)
        last = min(last, first + MAX_LINES - 1)
    kept = [part for part in lines[first - 1 : last] if not _DULL.match(part)]
    return "\n".join(kept)
