"""A small model's first answer over the passages, and what follows when it does not hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.agent import AgentEvent, EventKind, ScriptedChatModel, Status, ask
from harness.agent.first_answer import answer_in, sampling_for

PASSAGES = (
    "src/a.py:4-9 (add)\n    4| def add(a, b):\n    5|     return a - b\n\n"
    "b.c, lines 1-2\n    1| int add;\n    2| /* limits */\n"
)
QUESTION = "What does `add` return?"


def said(path: object, line: object, answer: object) -> str:
    return json.dumps({"path": path, "line": line, "answer": answer})


def small(*lines: str) -> ScriptedChatModel:
    return ScriptedChatModel(lines, tools=False, model="tiny:1.5b")


def test_a_small_model_answers_from_the_passages_in_one_turn(calculator: Path) -> None:
    events: list[AgentEvent] = []
    model = small(said("calc.py", 5, "`add` subtracts b from a."))
    result = ask("What does the function add do?", calculator, model, on_event=events.append)
    assert (result.status, result.answer) == (Status.OK, "`add` subtracts b from a (calc.py:5).")
    assert [citation.verified for citation in result.citations] == [True]
    assert model.requests[0][-1].content.endswith("that stand there.")
    tokens = [event.text for event in events if event.kind is EventKind.TOKEN]
    assert tokens == [""]  # JSON is not shown


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(said("none", 5, "I do not know."), id="not-there"),
        pytest.param(said("none", 900, "It subtracts."), id="no-place-at-all"),
        pytest.param(said("calc.py", 900, "It subtracts."), id="not-shown"),
        pytest.param(said("calc.py", 5, "Bananas ripen slowly."), id="does-not-bear-it-out"),
        pytest.param("It subtracts.", id="no-json"),
    ],
)
def test_an_answer_that_does_not_hold_lets_the_loop_begin(calculator: Path, first: str) -> None:
    model = small(first, "`add` subtracts, calc.py:5.")
    result = ask("What does the function add do?", calculator, model)
    assert (result.status, result.steps) == (Status.OK, 2)
    assert result.answer == "`add` subtracts, calc.py:5."
    assert "A search found" in model.requests[1][-1].content


def test_a_large_model_uses_its_tools(calculator: Path) -> None:
    model = ScriptedChatModel(["`add` subtracts, calc.py:5."], tools=False, model="large:70b")
    ask("What does the function add do?", calculator, model)
    assert model.sampled == [None]


def test_only_what_was_shown_can_be_cited() -> None:
    sampling = sampling_for(PASSAGES)
    assert sampling is not None
    assert sampling.schema is not None
    fields = sampling.schema["properties"]
    assert fields["path"] == {"enum": ["src/a.py", "b.c", "none"]}  # type: ignore[index]
    assert fields["line"]["maximum"] == 9  # type: ignore[index]
    assert answer_in(said("b.c", 2, "Limits"), PASSAGES, QUESTION) == "Limits (b.c:2)."
    assert answer_in(said("b.c", 3, "Limits"), PASSAGES, QUESTION) == ""
    assert sampling_for("no file is named") is None


def test_a_line_without_its_file_is_that_of_the_best_passage() -> None:
    found = answer_in(said("none", 5, "It subtracts."), PASSAGES, QUESTION)
    assert found == "It subtracts (src/a.py:5)."
    assert answer_in(said("none", 5, "No, it does not."), PASSAGES, QUESTION) == ""


def test_lines_that_have_nothing_to_do_with_the_question_are_no_answer() -> None:
    written = said("src/a.py", 5, "The function returns a.")
    assert answer_in(written, PASSAGES, "How are commas between digits treated?") == ""
