"""The record of a run: versioned JSON lines, readable by the owner only, without secrets.

Redaction happens when a line is written, so edited files keep their text. Every line is flushed,
so that a killed process leaves the record up to its last step.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from harness.files import open_private, private_folder
from harness.models.conversation import ChatMessage, ChatTurn
from harness.repository.credentials import redact

SCHEMA = "harness.trajectory/1"


class Trajectory:
    """Appends to ``trajectory.jsonl``; without a path nothing is written.

    Each line is an object with ``schema``, ``time`` (seconds since the epoch), ``kind`` and the
    fields of the kind.
    """

    def __init__(self, path: Path | None, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self.secrets = tuple(secrets)
        self._file: BinaryIO | None = None
        self._asked = ""
        if path is not None:
            private_folder(path.parent)
            self._file = open_private(path)

    def write(self, kind: str, **fields: object) -> None:
        """Append one line."""
        if self._file is None:
            return
        clean = {key: self._clean(value) for key, value in fields.items()}
        line = {"schema": SCHEMA, "time": round(time.time(), 3), "kind": kind, **clean}
        self._file.write(json.dumps(line, default=str).encode() + b"\n")
        self._file.flush()

    def write_asked(self, step: int, messages: Sequence[ChatMessage]) -> None:
        """Append the last message of what a sample is drawn on, once for samples of the same."""
        asked = messages[-1].content
        if asked != self._asked:
            self.write("asked", step=step, content=asked)
        self._asked = asked

    def write_turn(self, step: int, turn: ChatTurn) -> None:
        """Append a turn of the model as it came."""
        self.write(
            "turn",
            step=step,
            content=turn.content,
            tool_calls=[[call.name, dict(call.arguments)] for call in turn.tool_calls],
            prompt_tokens=turn.prompt_tokens,
            completion_tokens=turn.completion_tokens,
            done_reason=turn.done_reason,
        )

    def close(self) -> None:
        """Close the file; more lines are ignored."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _clean(self, value: object) -> object:
        if isinstance(value, str):
            return redact(value, self.secrets, suspected=True)
        if isinstance(value, dict):
            return {str(key): self._clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return value
