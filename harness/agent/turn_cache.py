"""Memoised turns of the model, for a run that is started again after its machine was lost.

Only turns are kept. Tools run again, because the workspace of a lost pod is empty: with replayed
tool results the run would succeed and change nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from harness.files import private_folder, write_atomically
from harness.models.conversation import ChatMessage, ChatTurn, ToolCall, ToolSpec
from harness.models.protocols import ChatModel


class TurnCache(Protocol):
    """Keeps turns by key; a missing key is None."""

    def get(self, key: str) -> ChatTurn | None:
        """Return the turn that was kept."""

    def put(self, key: str, turn: ChatTurn) -> None:
        """Keep a turn."""


def turn_key(
    model: ChatModel,
    messages: Sequence[ChatMessage],
    tools: Sequence[ToolSpec],
    drawn: str = "",
) -> str:
    """Return a hash of everything that a turn depends on.

    :param drawn: how it is drawn, where that is not the model's usual way.
    """
    request = {
        "model": model.model,
        "num_ctx": model.num_ctx,
        "messages": [asdict(message) for message in messages],
        "tools": [tool.name for tool in tools],
        **({"drawn": drawn} if drawn else {}),
    }
    text = json.dumps(request, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def turn_to_json(turn: ChatTurn) -> str:
    """Write a turn as one line of JSON."""
    return json.dumps(asdict(turn), ensure_ascii=True, default=dict)


def turn_from_json(text: str) -> ChatTurn:
    """Read what :func:`turn_to_json` wrote.

    :raises ValueError: it is something else.
    """
    try:
        fields = json.loads(text)
        calls = tuple(ToolCall(call["name"], call["arguments"]) for call in fields["tool_calls"])
        return ChatTurn(**{**fields, "tool_calls": calls})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a turn: {error}") from None


class DirectoryTurnCache:
    """Keeps each turn in a file, for a results directory on a shared volume."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def get(self, key: str) -> ChatTurn | None:
        """Return the turn; a damaged file counts as missing."""
        try:
            return turn_from_json((self.directory / f"{key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def put(self, key: str, turn: ChatTurn) -> None:
        """Keep a turn: private, because it may quote sources; on the disk on return, because it is
        for runs whose machine is lost."""
        private_folder(self.directory)
        write_atomically(self.directory / f"{key}.json", turn_to_json(turn), durable=True)
