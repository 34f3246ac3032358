"""Conversations: what is kept, undone, applied, and goes on after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.agent import ChatSession, RunOptions, ScriptedChatModel, Status, calls
from harness.models.conversation import ChatMessage
from tests.agent.conftest import Play
from tests.agent.steps import CHECK, FIX, FIXED_PATCH_LINES, READ, changed_lines, said_to


def test_chat_keeps_history_changes_and_undoes(calculator: Path, play: Play) -> None:
    model = play("Hello.", FIX, "Fixed.", CHECK, "It passes.", READ, "Back to a - b.")
    with ChatSession(calculator, model) as chat:
        assert chat.send("Hi").answer == "Hello."
        assert changed_lines(chat.send("Fix add")) == FIXED_PATCH_LINES
        assert chat.send("Check it").answer == "It passes."
        assert any(message.content == "Hello." for message in model.requests[-1])
        assert chat.undo() is True
        assert chat.undo() is False
        assert chat.diff() == ""
        chat.send("And now?")
        assert "return a - b" in said_to(model)
        root = chat.workspace_root
    assert not root.exists()
    assert "a - b" in (calculator / "calc.py").read_text()


def test_chat_goes_on_after_ctrl_c(calculator: Path) -> None:
    model = ScriptedChatModel([calls(FIX, CHECK), KeyboardInterrupt(), "Still here.", "And here."])
    with ChatSession(calculator, model) as chat:
        stopped = chat.send("Fix add")
        assert (stopped.status, stopped.exit_code) == (Status.INTERRUPTED, 130)
        assert changed_lines(stopped) == FIXED_PATCH_LINES
        assert chat.send("Are you there?").answer == "Still here."
        assert chat.undo()


def test_chat_applies_and_switches_models(calculator: Path) -> None:
    first = ScriptedChatModel([calls(FIX), "Fixed."])
    second = ScriptedChatModel(["I know."], tools=False, model="other")
    with ChatSession(calculator, first) as chat:
        chat.send("Fix add")
        chat.switch_model(second)
        result = chat.send("What did you do?")
        assert (result.model, result.protocol) == ("other", "text")
        assert [m.content for m in second.requests[0]][1:] == [
            "Fix add",
            "Fixed.",
            "What did you do?",
        ]
        chat.apply()
        assert chat.diff() == ""
    assert "a + b" in (calculator / "calc.py").read_text()


def test_unanswered_calls_are_closed(calculator: Path) -> None:
    """Servers refuse a conversation in which a call has no answer."""

    def look(messages: Sequence[ChatMessage]) -> str:
        asked = sum(len(message.tool_calls) for message in messages)
        assert asked == sum(message.role == "tool" for message in messages) == 2
        return "Fine."

    approve = RunOptions(approve=lambda kind, text: (_ for _ in ()).throw(KeyboardInterrupt))
    with ChatSession(
        calculator, ScriptedChatModel([calls(CHECK, READ), look]), options=approve
    ) as chat:
        assert chat.send("Go").status is Status.INTERRUPTED
        assert chat.send("Go on").answer == "Fine."


def test_a_claim_without_a_change_is_contradicted_once(calculator: Path, play: Play) -> None:
    model = play("I have fixed add.", "I have fixed add, really.", "Hello.")
    with ChatSession(calculator, model) as chat:
        result = chat.send("Fix add")
        assert "No file has changed" in said_to(model, 1)
        assert len(model.requests) == 2
        assert (result.status, result.exit_code) == (Status.NO_CHANGE, 5)
        assert "although it says that it did" in (result.error or "")
        assert result.patch == ""
        assert chat.send("Hi").status is Status.OK


def test_a_model_may_correct_itself(calculator: Path, play: Play) -> None:
    model = play("I have fixed add.", FIX, "I have fixed add.", "I fixed add before.", "As I said.")
    with ChatSession(calculator, model) as chat:
        result = chat.send("Fix add")
        assert (result.status, changed_lines(result)) == (Status.OK, FIXED_PATCH_LINES)
        # What it says of an earlier request is true.
        assert chat.send("What did you do?").status is Status.OK


def test_a_refused_edit_is_no_change(calculator: Path, play: Play) -> None:
    edit = ("edit_file", {"path": "calc.py", "search": "(a, b):", "replace": "(x, y):"})
    with ChatSession(calculator, play(edit, "Done.", "Done, I have renamed them.")) as chat:
        assert chat.send("Rename the arguments").status is Status.NO_CHANGE
