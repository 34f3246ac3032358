"""The record of a run: versioned JSON lines, readable by the owner only, secrets taken out.

Redaction happens when a line is written and nowhere else, so what is edited keeps its text. Every
line is flushed, so that a lost machine leaves the record up to its last step.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from harness.files import open_private, private_folder
from harness.types import ChatTurn

SCHEMA = "harness.trajectory/1"
HIDDEN = "[redacted]"
_SHAPES = (
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    ),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}|\bglpat-[\w-]{20,}"),
    re.compile(r"\bsk-[\w-]{20,}|\bxox[abeoprs]-[\w-]{10,}|\bhf_[A-Za-z]{30,}|\bnpm_\w{36}"),
    re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    re.compile(r"\bAIza[\w-]{35}\b"),
)
# Group 1 stays, the rest is hidden.
_NAMED = (
    re.compile(r"(://[^/\s:@]+:)[^@\s/]+(?=@)"),
    re.compile(
        r"(?i)(\bauthorization\b[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)[\w.+/=~-]+"
    ),
    re.compile(
        r"(?i)(\b[\w-]*(?:api[_-]?key|access[_-]?key|secret|token|passwo?r?d)[\w-]*[\"']?\s*[:=]\s*"
        r"[\"'])[^\"'\s]{8,}(?=[\"'])"
    ),
    re.compile(
        r"(\b[A-Z0-9_]*(?:API_?KEY|ACCESS_KEY|SECRET|TOKEN|PASSWORD)[A-Z0-9_]*=)[^\s\"'`]{8,}"
    ),
)


def redact_values(text: str, secrets: Iterable[str]) -> str:
    """Take known secret values out of a text."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 6:
            text = text.replace(secret, HIDDEN)
    return text


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Take known values, and what looks like a credential, out of a text."""
    text = redact_values(text, secrets)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    for shape in _NAMED:
        text = shape.sub(rf"\1{HIDDEN}", text)
    return text


class Trajectory:
    """Appends to ``trajectory.jsonl``; without a path nothing is written.

    Each line is an object with ``schema``, ``time`` (seconds since the epoch), ``kind`` and the
    fields of the kind.
    """

    def __init__(self, path: Path | None, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self.secrets = tuple(secrets)
        self._file: BinaryIO | None = None
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
            return redact(value, self.secrets)
        if isinstance(value, dict):
            return {str(key): self._clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return value
