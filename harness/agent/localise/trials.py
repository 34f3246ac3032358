"""Tries small changes of a place with the verification, without a model.

Tests that pass say less about a change that nobody meant than about one that a model wrote to a
task. So what passes alone is kept with a remark, and of several the model picks the one that the
task asks for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from harness import charsets
from harness.agent.json_repair import read_object
from harness.agent.localise.prompt import SYSTEM
from harness.agent.localise.small_changes import Change, small_changes
from harness.agent.tools.file_text import FileText
from harness.agent.verification.verifier import Verifier
from harness.models.conversation import ChatMessage, ChatTurn, Sampling
from harness.workspace.copies import Workspace

# Of the time that is left when the trials begin.
SHARE = 0.2
MAX_PASSING = 4
# A change may make a loop endless: then the command is ended long before its usual time-out.
_SLOWER = 5.0
_LEAST_SECONDS = 10.0
_CHOICE_TOKENS = 200


class Sample(Protocol):
    """Draws a turn; ``enough`` tells whether what has been written is all that is needed.

    :raises Stop: the run ends.
    """

    def __call__(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        enough: Callable[[str], bool] | None = None,
    ) -> ChatTurn: ...


def passing_changes(
    space: Workspace,
    verifier: Verifier,
    path: str,
    file: FileText,
    body: Sequence[int],
    hints: str,
    seconds_left: Callable[[], float],
) -> tuple[list[Change], int]:
    """Return the small changes with which the verification passes, and how many were tried.

    The files are as they were afterwards. It stops after :data:`SHARE` of the time, or when
    :data:`MAX_PASSING` pass.

    :param body: the lines that may change.
    :param hints: the task and the failure.
    """
    base = space.snapshot()
    limit = max(_LEAST_SECONDS, _SLOWER * verifier.seconds / max(1, verifier.runs))
    deadline = time.monotonic() + SHARE * max(0.0, seconds_left())
    passing: list[Change] = []
    tried = 0
    try:
        for change in small_changes(path, file.plain, body, hints):
            if time.monotonic() >= deadline or len(passing) == MAX_PASSING:
                break
            write(space, path, file, change.text)
            tried += 1
            if verifier.verify(space.snapshot(), quietly_within_seconds=limit).ok:
                passing.append(change)
            space.restore(base)
    finally:
        space.restore(base)
    return passing, tried


def write(space: Workspace, path: str, file: FileText, text: str) -> None:
    """Give a file its new text, with the line ends and the encoding that it had.

    :raises ValueError: the encoding has no such text.
    """
    whole = file.replaced(0, len(file.plain), text).text
    space.tree.write_bytes(path, charsets.rewritten(space.tree.read_bytes(path), whole))


def choose_change(task: str, path: str, changes: Sequence[Change], sample: Sample) -> Change | None:
    """Return the change that a task asks for, in the model's opinion, None when it is none of them;
    the only one without asking.

    :param sample: draws a turn; raises what ends the run.
    """
    if len(changes) == 1:
        return changes[0]
    listed = "\n".join(
        f"{number}. {path}:{change.line}: `{change.was}` becomes `{change.now}`"
        for number, change in enumerate(changes, 1)
    )
    said = (
        f"Task: {task.strip()}\n\nWith each of these changes alone the tests pass:\n{listed}\n\n"
        "Which one does what the task asks for, and nothing else? Answer in JSON: `reason`, and "
        "`number`, which is 0 when none of them does."
    )
    fields: Mapping[str, object] = {
        "reason": {"type": "string", "maxLength": 300},
        "number": {"type": "integer", "minimum": 0, "maximum": len(changes)},
    }
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    asked = (ChatMessage("system", SYSTEM), ChatMessage("user", said))
    answer = sample(asked, Sampling(0.0, max_tokens=_CHOICE_TOKENS, schema=schema)).content
    start = answer.find("{")
    read = read_object(answer, start) if start >= 0 else None
    number = read[0].get("number") if read is not None else None
    if not isinstance(number, int) or not 1 <= number <= len(changes):
        return None
    return changes[number - 1]
