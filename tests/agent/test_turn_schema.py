"""Turns in JSON, which the server holds to a schema after one that was lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.agent import ScriptedChatModel, Status, ask, run_task
from harness.agent.turn_schema import answer_in, turn_schema
from tests.agent.steps import CHECK, FIX, FIXED_PATCH_LINES, TOOLS, changed_lines, said_to

LOST = "```action\nread_file\n"


def as_json(step: tuple[str, dict[str, object]]) -> str:
    return json.dumps({"name": step[0], "arguments": step[1]})


def test_after_a_lost_turn_the_next_follows_a_schema(calculator: Path) -> None:
    answer = json.dumps({"answer": "Fixed `add`, calc.py:5."})
    model = ScriptedChatModel([LOST, as_json(FIX), as_json(CHECK), LOST, answer], tools=False)
    result = run_task("Fix add", calculator, model)
    assert (result.status, changed_lines(result)) == (Status.OK, FIXED_PATCH_LINES)
    assert result.answer == "Fixed `add`, calc.py:5."
    constrained = [sampling is not None and sampling.schema is not None
                   for sampling in model.sampled]  # fmt: skip
    assert constrained == [False, True, False, False, True]
    assert "Write your next turn as JSON" in said_to(model, 1)
    # The conversation shows the call as the protocol wants it.
    assert "```action\nedit_file\n" in model.requests[2][-2].content


def test_no_schema_goes_along_with_tools(calculator: Path) -> None:
    from harness.agent import RunOptions, calls

    bad = calls(("no_such_tool", {}))
    model = ScriptedChatModel([bad, "`add` is calc.py:4."])
    result = ask("What is add?", calculator, model, options=RunOptions(protocol="native"))
    assert result.status is Status.OK
    assert model.sampled == [None, None]


def test_the_schema_has_every_tool_and_no_lengths() -> None:
    schema = turn_schema([tool.spec for tool in TOOLS.values()])
    text = json.dumps(schema)
    assert "maxLength" not in text
    kinds = schema["anyOf"]
    assert isinstance(kinds, list)
    names = [kind["properties"].get("name", {}).get("const") for kind in kinds]
    assert names == [*TOOLS, None]


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        pytest.param('{"answer": " Yes, a.py:1. "}', "Yes, a.py:1.", id="answer"),
        pytest.param('{"answer": "x", "name": "run"}', "", id="more-than-an-answer"),
        pytest.param('{"answer": 3}', "", id="no-text"),
        pytest.param('{"answer": "x"', "", id="cut-off"),
        pytest.param('The "answer" is {}', "", id="prose"),
    ],
)
def test_only_an_answer_is_taken_for_one(content: str, answer: str) -> None:
    assert answer_in(content) == answer
