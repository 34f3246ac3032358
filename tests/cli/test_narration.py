"""What a person sees of a conversation while it goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agent.events import AgentEvent, EventKind
from harness.cli.narration import narrate_chat

ACTION = "```action\nedit_file\npath: a.py\n```"


def narrate(*events: AgentEvent) -> None:
    show = narrate_chat()
    for event in events:
        show(event)


def words(text: str, size: int = 3) -> list[AgentEvent]:
    """As a model streams them: in pieces that know nothing of lines."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [AgentEvent(EventKind.TOKEN, piece, 1) for piece in pieces]


CALL = AgentEvent(EventKind.CALL, '{"path": "a.py"}', 1, "edit_file", "edit_file a.py")
RESULT = "edit_file a.py: refused, the text occurs twice (lines 19, 120)"
OUTPUT = AgentEvent(EventKind.OUTPUT, "Error: …\nlong", 1, "edit_file", RESULT)
END = AgentEvent(EventKind.END, "ok", 2)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(ACTION, id="action"),
        pytest.param("```edit_file\npath: a.py\n```", id="named-fence"),
        pytest.param('{"name": "edit_file",\n"arguments": {}}', id="json"),
        pytest.param('```json\n{"name": "edit_file"}\n```', id="fenced-json"),
        pytest.param("<tool_call>\n<function=edit_file>\n</tool_call>", id="xml"),
    ],
)
def test_a_call_is_one_line_with_what_came_of_it(
    capsys: pytest.CaptureFixture[str], call: str
) -> None:
    prose = "" if call[0] == "{" else "I change `a.py`.\n"
    narrate(*words(prose + call), CALL, OUTPUT)
    assert capsys.readouterr().out == f"{prose}  {RESULT}\n"


@given(st.lists(st.sampled_from(["```", "```json\n", "{", "\n", "[x]", "`a`", " ", "word", "~~~"])))
def test_an_answer_is_shown_whole(parts: list[str]) -> None:
    shown: list[str] = []
    show = narrate_chat()
    show._print = shown.append  # type: ignore[method-assign]
    for event in [*words("".join(parts)), END]:
        show(event)
    assert "".join(shown) == "".join(parts)


def test_what_the_model_is_told_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    note = AgentEvent(EventKind.NOTE, "No file has changed; go on.\nmore", 1)
    narrate(*words("I have fixed it."), note, *words("Sorry."), END)
    assert capsys.readouterr().out == (
        "I have fixed it.\n  told the model: No file has changed; go on.…\nSorry."
    )


def test_no_escape_sequence_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    narrate(*words("\x1b[2J"), AgentEvent(EventKind.OUTPUT, "", 1, "run", "run \x1b[8m: exit 0"))
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("terminal", [True, False])
def test_silence_is_shown_on_a_terminal_until_the_first_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    narrate = narrate_chat()
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    text = "the model reads about 2,000 tokens, 3 s so far"
    narrate(AgentEvent(EventKind.WAIT, text, 1))
    narrate(AgentEvent(EventKind.TOKEN, "Hello", 1))
    shown = capsys.readouterr().out
    assert shown == (f"\r\x1b[K  {text}\r\x1b[KHello" if terminal else "Hello")
