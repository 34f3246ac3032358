"""Turns of a model, kept for a run that is started again."""

from __future__ import annotations

import pytest

from harness.agent.turn_cache import turn_from_json, turn_to_json
from harness.models.conversation import ChatTurn, ToolCall


def test_turns_survive_a_cache() -> None:
    turn = ChatTurn("é", (ToolCall("run", {"command": "x", "n": 1}),), 3, 4, "length")
    assert turn_from_json(turn_to_json(turn)) == turn
    with pytest.raises(ValueError, match="not a turn"):
        turn_from_json("{}")
