"""A new file that a task asks for: no place that is there has to change, so none is searched.

Seen with a small model: asked to write a place again for such a task, it wrote the file that was
wanted beside it, and that was thrown away with what else did not belong to the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness import charsets
from harness.agent.localise.checks import failing_checks
from harness.agent.localise.places import Place
from harness.agent.localise.prompt import SYSTEM, fenced
from harness.agent.localise.rewriting import Unusable, blocks_in
from harness.agent.localise.trials import Sample
from harness.agent.sources import definitions_in, syntax_problem
from harness.agent.verification.verifier import Verdict, Verifier
from harness.chunking.detection import detect_language
from harness.chunking.languages.spec import Structure
from harness.errors import HarnessError
from harness.models.conversation import ChatMessage, Sampling
from harness.repository.credentials import HIDDEN, redact
from harness.repository.skip_names import is_secret
from harness.workspace.copies import Workspace, list_files
from harness.workspace.paths import ConfinedTree

MAX_TOKENS = 900
MAX_CODE_CHARS = 2_000
# From the second on with what the one before failed with, but without its text, which would be
# copied.
TEMPERATURES = (0.0, 0.5, 0.6, 0.8)
_PATH = r"(?<![\w./])[`'\"]?((?:[\w-]+/)*[\w-]+\.[A-Za-z]\w{0,3})[`'\"]?(?![\w/])"
_NAMED = re.compile(_PATH)
# The verb begins the sentence, or follows what makes it a request: "Rename add to plus" has none.
_WANTED = re.compile(
    r"(?:^|[.:;,]\s+|\b(?:and|then|please|must|should|to)\s+)"
    rf"(?i:write|create|add|make)\s[^.\n]{{0,80}}?{_PATH}",
    re.MULTILINE,
)


_DEFINED = re.compile(r"\b(function|class)\s+[`'\"]?(?!that\b|which\b|to\b|for\b)([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Request:
    """What there is to go by for a new file: the task, how the verification fails, and the
    likeliest places, which it has to do with. ``secrets``: values that the model does not see."""

    task: str
    before: Verdict
    places: Sequence[Place]
    secrets: Sequence[str]


def wanted_file(task: str, tree: ConfinedTree) -> str:
    """Return the path of the one new file of code that a task asks for; empty when it is not one,
    or when there is such a file."""
    names = list_files(tree.root)
    missing = {path for path in _NAMED.findall(task) if _is_missing_code(path, names, tree)}
    wanted = missing & {*_WANTED.findall(task)}
    return wanted.pop() if len(missing) == len(wanted) == 1 else ""


def _is_missing_code(path: str, names: Sequence[str], tree: ConfinedTree) -> bool:
    try:
        exists = tree.resolve(path).exists()
    except HarnessError:
        return False
    known = exists or any(name.endswith(f"/{path}") for name in names)
    is_code = detect_language(path, "").structure is Structure.TREE
    return is_code and not known and not is_secret(path)


def write_new_file(
    space: Workspace,
    verifier: Verifier,
    path: str,
    request: Request,
    sample: Sample,
    seconds_left: Callable[[], float],
    note: Callable[[str], None],
) -> bool:
    """Let the model write a file until the verification passes; tells whether it does. The files
    are at the version that passes, or as they were.

    :param sample: draws a turn; raises what ends the run.
    :param note: takes what a person is told.
    """
    base = space.snapshot()
    prompt = _prompt(space, verifier.command, path, request)
    failed = ""
    for temperature in TEMPERATURES:
        if seconds_left() <= 0:
            return False
        asked = (ChatMessage("system", SYSTEM), ChatMessage("user", prompt + failed))
        answer = sample(asked, Sampling(temperature, max_tokens=MAX_TOKENS)).content
        try:
            text = _with_imports(_file_in(answer, path), path, request.places)
        except Unusable as reason:
            note(f"{path}: not usable, {reason}")
            continue
        space.tree.write_bytes(path, text.encode("utf-8", "replace"))
        verdict = verifier.verify(space.snapshot())
        if verdict.ok:
            note(f"{path}: written, passes")
            return True
        note(f"{path}: written, still fails")
        space.restore(base)
        failed = f"\n\nAn earlier version of it failed with:\n```\n{verdict.essence}\n```"
    return False


def _prompt(space: Workspace, command: str, path: str, request: Request) -> str:
    parts: list[str] = []
    room = MAX_CODE_CHARS
    for place in request.places[:3]:
        one = place.definition
        try:
            text = charsets.readable(space.tree.read_bytes(one.path))
        except HarnessError:
            continue
        code = "\n".join(text.replace("\r\n", "\n").split("\n")[one.start - 1 : one.end])
        if len(code) <= room and redact(text, request.secrets) == text:
            room -= len(code)
            parts.append(f"{one.path}:\n{fenced(code, one.path)}")
    checks = failing_checks(space.tree, request.before.output, command, request.secrets)
    if checks:
        parts.append(f"What checks it, which stays as it is:\n{fenced(checks, path)}")
    if request.before.essence:
        parts.append(f"`{command}` fails:\n```\n{request.before.essence}\n```")
    wanted = "".join(
        f" It has the {kind} `{name}`, outside of any class."
        for kind, name in dict.fromkeys(_DEFINED.findall(request.task))
    )
    parts.append(
        f"Task: {request.task.strip()}\n\nWrite the new file {path}, complete, in one code block."
        f"{wanted} It imports what it uses; the files above stay as they are."
    )
    return "\n\n".join(parts)


def _with_imports(text: str, path: str, places: Sequence[Place]) -> str:
    """Import what a Python file uses of the places and a small model forgot to import."""
    if not path.endswith(".py"):
        return text
    defined = {one.name for one in definitions_in(path, text)}
    missing: dict[str, None] = {}
    for one in (place.definition for place in places):
        name = one.name
        is_known = name in defined or re.search(rf"\bimport\b.*\b{re.escape(name)}\b", text)
        if one.path.endswith(".py") and name.isidentifier() and not is_known:
            module = one.path.removesuffix(".py").removeprefix("src/").replace("/", ".")
            if re.search(rf"(?<![\w.]){name}\s*\(", text):
                missing[f"from {module} import {name}\n"] = None
    gap = "" if re.match(r"(?:import|from)\b", text) else "\n\n"
    return f"{''.join(missing)}{gap}{text}" if missing else text


def _file_in(answer: str, path: str) -> str:
    """The text of a file in an answer: the block that names it, or else the longest one.

    :raises Unusable: there is none, or it does not parse.
    """
    blocks = blocks_in(answer)
    name = path.rpartition("/")[2]
    named = [block for block in blocks if name in block.split("\n", 1)[0]]
    text = max(named or blocks, key=len).rstrip("\n") + "\n"
    if problem := syntax_problem(path, text):
        raise Unusable(f"it does not parse: {problem}")
    if HIDDEN in text:
        raise Unusable("it holds a value that is hidden")
    return text
