"""A small model's first answer over the passages, and what follows when it does not hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.agent import AgentEvent, EventKind, ScriptedChatModel, Status, ask
from harness.agent.first_answer import answer_in, closer, sampling_for
from harness.types import Hit

PASSAGES = (
    "src/a.py:4-9 (add)\n    4| def add(a, b):\n    5|     return a - b\n\n"
    "b.c, lines 1-2\n    1| int add;\n    2| /* limits */\n"
)
QUESTION = "What does `add` return?"


def said(quote: object, answer: object) -> str:
    return json.dumps({"quote": quote, "answer": answer})


def sure(quote: object, answer: object) -> list[str]:
    """An answer, and the same twice more."""
    return [said(quote, answer)] * 3


def small(*lines: str, model: str = "small:3b") -> ScriptedChatModel:
    return ScriptedChatModel(lines, tools=False, model=model)


def test_a_small_model_answers_from_the_passages_in_one_turn(calculator: Path) -> None:
    events: list[AgentEvent] = []
    model = small(*sure("return a - b", "`add` subtracts b from a."))
    result = ask("What does the function add do?", calculator, model, on_event=events.append)
    assert (result.status, result.answer) == (Status.OK, "`add` subtracts b from a (calc.py:5).")
    assert [citation.verified for citation in result.citations] == [True]
    assert model.requests[0][-1].content.endswith("values of that line.")
    tokens = [event.text for event in events if event.kind is EventKind.TOKEN]
    assert set(tokens) == {""}  # JSON is not shown


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(said("", "I do not know."), id="not-there"),
        pytest.param(said("return a // b", "It divides."), id="not-shown"),
        pytest.param(said("return a - b", "Bananas ripen slowly: 7."), id="does-not-bear-it-out"),
        pytest.param(said(5, "It subtracts."), id="no-quotation"),
        pytest.param("It subtracts.", id="no-json"),
    ],
)
def test_an_answer_that_does_not_hold_lets_the_loop_begin(calculator: Path, first: str) -> None:
    model = small(first, "`add` subtracts, calc.py:5.")
    result = ask("What does the function add do?", calculator, model)
    assert (result.status, result.steps) == (Status.OK, 2)
    assert result.answer == "`add` subtracts, calc.py:5."
    assert "A search found" in model.requests[1][-1].content


def test_an_answer_that_changes_from_draw_to_draw_is_none(calculator: Path) -> None:
    first, other = (said("return a - b", f"It gives the {word}.") for word in ("total", "rest"))
    result = ask("What does `add` do?", calculator, small(first, other, model="tiny:1.5b"))
    assert (result.status, result.answer) == (Status.UNVERIFIED, "It gives the total.")


def test_what_does_not_hold_is_shown_as_what_it_is(calculator: Path) -> None:
    wrong = said("return a / b", "It divides a by b.")
    for model in (small(wrong, "path: calc.py:5", "path: calc.py:5"), small(wrong, model="t:1.5b")):
        result = ask("What does the function add do?", calculator, model)
        assert (result.status, result.answer) == (Status.UNVERIFIED, "It divides a by b.")


def test_what_the_model_knows_leads_to_the_lines_that_say_so(calculator: Path) -> None:
    queries: list[str] = []

    def search(query: str, limit: int) -> Sequence[Hit]:
        queries.append(query)
        text = "def mul(a, b):\n    return a * b"
        if "product" in query:
            return [Hit("calculator", "calc.py", 8, 9, "mul", "python", 0.9, text)]
        return [Hit("calculator", "README.md", 3, 3, "", "markdown", 0.9, "Adds and multiplies.")]

    model = small(
        said("", "`mul` returns the product."), *sure("return a * b", "`mul` gives `a * b`.")
    )
    result = ask("What does calc give for two factors?", calculator, model, search=search)
    assert queries == [
        "What does calc give for two factors?",
        "What does calc give for two factors? `mul` returns the product.",
    ]
    assert (result.status, result.answer) == (Status.OK, "`mul` gives `a * b` (calc.py:8).")


def test_a_denial_needs_no_quotation() -> None:
    denial = said("", "No, there is none.")
    assert answer_in(denial, PASSAGES, "Is there a limit?") == "No, there is none."
    assert answer_in(denial, PASSAGES, "What is the limit?") == ""


def test_a_yes_is_worth_nothing_from_who_never_says_no() -> None:
    question = "Does `add` subtract?"
    assert answer_in(said("return a - b", "It returns `a - b`."), PASSAGES, question) == ""
    denial = answer_in(said("return a - b", "It does not return the total."), PASSAGES, question)
    assert denial == "It does not return the total (src/a.py:5)."


def test_a_large_model_uses_its_tools(calculator: Path) -> None:
    model = ScriptedChatModel(["`add` subtracts, calc.py:5."], tools=False, model="large:70b")
    ask("What does the function add do?", calculator, model)
    assert model.sampled == [None]


def test_only_what_was_shown_can_be_cited() -> None:
    assert sampling_for(PASSAGES) is not None
    assert sampling_for("no file is named") is None
    assert answer_in(said("/* limits */", "Limits"), PASSAGES, QUESTION) == "Limits (b.c:2)."
    assert answer_in(said("/* nothing */", "Limits"), PASSAGES, QUESTION) == ""


def test_lines_that_have_nothing_to_do_with_the_question_are_no_answer() -> None:
    written = said("return a - b", "The function returns a.")
    assert answer_in(written, PASSAGES, "How are commas between digits treated?") == ""


def test_a_second_look_has_only_what_the_question_names() -> None:
    named, other = PASSAGES.rstrip().split("\n\n")
    assert closer(PASSAGES, QUESTION) == named
    assert closer(named, QUESTION) == ""
    assert closer(other, QUESTION) == ""
