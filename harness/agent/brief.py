"""What a task's first message tells besides the task: where things are, and what fails.

A small model never looks around: of 17 runs none used a tool that reads before it edited files that
it had invented. So the outline, the likeliest places and the failure come with the task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import charsets
from harness.agent.localise.places import Clues, Place, rank_places
from harness.agent.sources import definitions_in, is_test
from harness.agent.tools.edit_file import PLACEHOLDER
from harness.agent.verification.verifier import Verdict
from harness.errors import HarnessError
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret
from harness.workspace.copies import list_files
from harness.workspace.paths import ConfinedTree

# Characters: about 400, 800 tokens; ten and twenty seconds of reading on two cores.
OUTLINE_CHARS = 1_200
PASSAGES_CHARS = 2_400
_MAX_NAMES = 12
_MAX_PARSED = 60
# With a map: further files say more than the definitions of these.
_MAX_NAMED = 5
_MAX_MAPPED_CHARS = 500
_CODE = re.compile(r"\.(?!md$|rst$|txt$|lock$|json$|ya?ml$|toml$|cfg$|ini$|svg$|csv$)\w{1,5}$")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a repository shows of itself for one task: the outline by importance, and the code of
    the likeliest places with line numbers."""

    outline: str
    passages: str
    places: tuple[Place, ...]


def look_around(
    tree: ConfinedTree, clues: Clues, *, outline_chars: int = OUTLINE_CHARS,
    passages_chars: int = PASSAGES_CHARS,
    secrets: Sequence[str] = (),
) -> Surroundings:  # fmt: skip
    """Rank files and places for a task.

    :param secrets: values that the model does not get to see.
    """
    places = rank_places(tree, clues)
    return Surroundings(
        _outline(tree, places, clues, outline_chars),
        _passages(tree, places, passages_chars, secrets),
        tuple(places),
    )


def first_message(
    task: str, around: Surroundings, verify: str | None, before: Verdict | None
) -> str:
    """Put the first message together.

    :param before: the verdict on the files as they are, None without a verification.
    """
    parts = [task.strip()]
    if around.outline:
        parts.append(f"Files of the repository, the likeliest first:\n{around.outline}")
    if around.passages:
        parts.append(f"Code that the task may be about (data):\n\n{around.passages}")
    if verify is not None and before is not None:
        parts.append(
            f"`{verify}` passes now and must pass at the end."
            if before.ok
            else f"`{verify}` must pass at the end. It fails now:\n{before.essence}"
        )
    return "\n\n".join(parts)


def examples_from(
    tree: ConfinedTree, places: tuple[Place, ...], verify: str | None
) -> Mapping[str, Mapping[str, object]]:
    """Return a call of each tool on files that exist, because examples are copied word for word."""
    examples: dict[str, Mapping[str, object]] = {}
    if places:
        one = places[0].definition
        examples["read_file"] = {"path": one.path, "start": one.start, "end": one.end}
        if one.last_name:
            examples["grep"] = {"pattern": rf"\b{re.escape(one.last_name)}\b"}
        try:
            lines = charsets.readable(tree.read_bytes(one.path)).splitlines()
        except HarnessError:
            lines = []
        old = next((line for line in lines[one.start - 1 : one.end] if len(line.strip()) > 8), "")
        if old and not redact(old).count("[redacted]"):
            examples["edit_file"] = {
                "path": one.path,
                "search": old,
                "replace": f"{old[: len(old) - len(old.lstrip())]}{PLACEHOLDER}",
            }
        folder = one.path.rpartition("/")[0]
        if folder:
            examples["list_files"] = {"path": folder}
    if verify is not None:
        examples["run"] = {"command": verify}
    return examples


def _outline(tree: ConfinedTree, places: list[Place], clues: Clues, room: int) -> str:
    likely = list(dict.fromkeys(place.definition.path for place in places))
    names = [name for name in list_files(tree.root) if not is_secret(name)]
    code = [name for name in names if _CODE.search(name)]
    source = [name for name in code if not is_test(name)]
    tests = [name for name in code if is_test(name)]
    other = [name for name in names if name not in set(code)]
    mapped = {name: defined for name, defined in _mapped(clues) if name in source}
    # What fails points at places more clearly than words do; without, the map is the better guide.
    first = [*likely, *mapped] if clues.output else [*mapped, *likely]
    rows: list[str] = []
    for number, name in enumerate(dict.fromkeys([*first, *source, *tests, *other])):
        row = name
        if name in mapped and number < _MAX_NAMED:
            row = f"{name}: {', '.join(mapped[name])}".rstrip(": ")
        elif not mapped and number < _MAX_PARSED and name in source:
            row = f"{name}: {_names(tree, name)}".rstrip(": ")
        if len(row) > room:
            row = name
        if len(row) + 1 > room:
            rows.append(f"… {len(names) - number} more files")
            break
        rows.append(row)
        room -= len(row) + 1
    return "\n".join(rows)


def _mapped(clues: Clues) -> Sequence[tuple[str, Sequence[str]]]:
    """The index's map for the task, nothing without one."""
    if clues.mapped is None:
        return []
    try:
        return clues.mapped(clues.task[:_MAX_MAPPED_CHARS])
    except HarnessError:
        return []


def _names(tree: ConfinedTree, path: str) -> str:
    try:
        text = charsets.readable(tree.read_bytes(path))
    except HarnessError:
        return ""
    found = dict.fromkeys(
        one.name for one in definitions_in(path, text) if not one.last_name.startswith("__")
    )
    shown = list(found)[:_MAX_NAMES]
    return ", ".join(shown) + (", …" if len(found) > len(shown) else "")


def _passages(tree: ConfinedTree, places: list[Place], room: int, secrets: Sequence[str]) -> str:
    shown: list[str] = []
    for place in places[:4]:
        one = place.definition
        try:
            # Before lines get their numbers, which would take a key apart.
            text = redact(charsets.readable(tree.read_bytes(one.path)), secrets)
        except HarnessError:
            continue
        lines = text.replace("\r\n", "\n").split("\n")
        numbered = [
            f"{number:>5}| {lines[number - 1][:200]}"
            for number in range(one.start, min(one.end, len(lines)) + 1)
        ]
        passage = f"{one.path}, lines {one.start}-{one.end}\n" + "\n".join(numbered)
        if len(passage) > room:
            if shown:
                break
            passage = f"{passage[:room]}\n… to line {one.end}"
        shown.append(passage)
        room -= len(passage) + 2
    return "\n\n".join(shown)
