"""Protocol, context and citations on their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent import prompts
from harness.agent.call_format import NativeProtocol, TextProtocol, write_action
from harness.agent.changing_tools import replace_once
from harness.agent.citations import check_citations
from harness.agent.context import Context, Entry
from harness.agent.leaks import find_leaked_calls
from harness.agent.status import EXIT_CODES, Status, Stop
from harness.agent.tools import OutputStore, Tool, Toolbox, ToolOutput, schema
from harness.agent.trajectory import Trajectory
from harness.agent.turn_cache import turn_from_json, turn_to_json
from harness.agent.validation import FormatError
from harness.errors import UsageError
from harness.types import ChatMessage, ChatTurn, ToolCall, ToolSpec
from harness.workspace import ConfinedTree

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
SPECS = (
    ToolSpec("read_file", "", schema(("path",), path=TEXT, start=NUMBER)),
    ToolSpec(
        "edit_file", "", schema(("path",), path=TEXT, search=TEXT, replace=TEXT, content=TEXT)
    ),
    ToolSpec("run", "", schema(("command",), command=TEXT)),
)


def read(text: str) -> ToolCall:
    (call,) = TextProtocol().parse(ChatTurn(text), SPECS).calls
    return call


@pytest.mark.parametrize(
    ("text", "call"),
    [
        pytest.param("```run\npytest -q\n```", ToolCall("run", {"command": "pytest -q"}), id="run"),
        pytest.param(
            "```action\nrun pytest -q\n```",
            ToolCall("run", {"command": "pytest -q"}),
            id="one-line",
        ),
        pytest.param(
            "```action\nrun\ncommand: a: b\nc\n```",
            ToolCall("run", {"command": "a: b\nc"}),
            id="command-key",
        ),
        pytest.param(
            "```action\ntool: read_file\npath: 'a b.py'\nstart: 3\n```\nOutput: hm",
            ToolCall("read_file", {"path": "a b.py", "start": 3}),
            id="after-text",
        ),
        pytest.param(
            "````action\nedit_file\npath: a.md\ncontent:\n# A\n```action\nrun\n```\n````",
            ToolCall("edit_file", {"path": "a.md", "content": "# A\n```action\nrun\n```\n"}),
            id="longer-fence",
        ),
        pytest.param(
            "```action\nedit_file\npath: a.py\n```python\nx = 1\n```\n```",
            ToolCall("edit_file", {"path": "a.py", "content": "x = 1\n"}),
            id="nested",
        ),
        pytest.param(
            "```action\nedit_file\npath: a\n<<<<<<< SEARCH\nold\n=======\n>>>>>>> REPLACE\n```",
            ToolCall("edit_file", {"path": "a", "search": "old", "replace": ""}),
            id="delete",
        ),
    ],
)
def test_actions(text: str, call: ToolCall) -> None:
    assert read(text) == call


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```action\n\n```", "empty"),
        ("```action\nedit_file\npath: a\n```", "needs a SEARCH/REPLACE"),
        ("```action\nedit_file\npath: a\n<<<<<<< SEARCH\nx\n```", "incomplete"),
        ("```action\nread_file\nplease read a.py\n```", "line of its own"),
    ],
)
def test_actions_that_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(text)


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1)


@settings(max_examples=60, deadline=None)
@given(content=words.filter(lambda text: text.strip() != "" and "SEARCH" not in text))
def test_a_file_survives_the_text_protocol(content: str) -> None:
    content = content.strip("\n") + "\n"
    if content.lstrip().startswith("`") or not content.strip():
        return
    call = ToolCall("edit_file", {"path": "a", "content": content})
    assert read(write_action(call)) == call


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from('{}[]"`<>=/ \n:actionrunread_filetool_callpath,'), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for protocol in (TextProtocol(), NativeProtocol()):
        try:
            protocol.parse(ChatTurn(text), SPECS)
        except FormatError:
            continue


def test_deep_json_is_no_call() -> None:
    assert find_leaked_calls("[" * 100_000, ["run"])[1] == ()


@pytest.mark.parametrize(
    ("search", "replace", "result"),
    [
        ("b", "B", "a\nB\nc\n"),
        ("b  ", "B", "a\nB\nc\n"),
        ("a\nb", "", "c\n"),
        ("   2| b", "   2| B", "a\nB\nc\n"),
    ],
)
def test_replace_once(search: str, replace: str, result: str) -> None:
    assert replace_once("a\nb\nc\n", search, replace, "f") == result


def test_indentation_is_never_guessed() -> None:
    with pytest.raises(UsageError):
        replace_once("if x:\n    a()\n    b()\n", "a()\nb()", "c()", "f")


def test_the_estimate_learns_from_the_server() -> None:
    context = Context(10_000)
    messages = (ChatMessage("user", "x" * 3000),)
    assert 900 < context.estimate(messages) < 1200
    context.learn(messages, (), ChatTurn("", prompt_tokens=2000))
    assert 1900 < context.estimate(messages) < 2100
    context.learn(messages, (), ChatTurn("", prompt_tokens=5))  # the server's cache held the rest
    assert context.estimate(messages) > 1900


def test_requests_and_system_prompt_are_never_stubbed() -> None:
    context = Context(4000)
    entries = [Entry(ChatMessage("system", "s")), Entry(ChatMessage("user", "task"))]
    for turn in range(1, 30):
        entries.append(Entry(ChatMessage("assistant", f"call {turn}"), turn))
        entries.append(Entry(ChatMessage("tool", "x" * 1500), turn, f"[stub {turn}]"))
    view = context.fit(entries)
    assert [message.content for message in view[:4]] == ["s", "task", "call 1", "[stub 1]"]
    assert view[-1].content == "x" * 1500
    assert context.estimate(view) <= context.budget


def test_one_output_beyond_the_window_is_an_error() -> None:
    entries = [Entry(ChatMessage("user", "t")), Entry(ChatMessage("tool", "x" * 50_000), 1, "s")]
    with pytest.raises(Stop) as caught:
        Context(4000).fit(entries)
    assert caught.value.status is Status.CONTEXT_OVERFLOW


def test_citations_in_prose(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("a\nb\nc")
    (tmp_path / "Makefile").write_text("all:\n")
    answer = (
        "See `src/app.py:1-3`, (app.py:2), Makefile:1, src/app.py:4, src/app.py:0, "
        "http://x.org/a.py:80, localhost:4200, 10.0.0.1:6333, at 12:30, ratio 3:4, "
        "/etc/passwd:1, ../up.py:1 and `lib/none.js#L3-L9`."
    )
    marked, found = check_citations(answer, ConfinedTree(tmp_path))
    assert [(c.path, c.start_line, c.end_line, c.verified) for c in found] == [
        ("src/app.py", 1, 3, True),
        ("src/app.py", 2, 2, True),
        ("Makefile", 1, 1, True),
        ("src/app.py", 4, 4, False),
        ("src/app.py", 0, 0, False),
        ("../up.py", 1, 1, False),
        ("lib/none.js", 3, 9, False),
    ]
    assert "`lib/none.js#L3-L9` [unverified]." in marked
    assert "`src/app.py:1-3`," in marked


def test_an_open_file_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("old")
    path.chmod(0o644)
    Trajectory(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == ""


def test_at_most_six_tools() -> None:
    tools = [Tool(ToolSpec(str(n), "", schema()), "", lambda a: ToolOutput("")) for n in range(7)]
    with pytest.raises(ValueError, match="at most 6"):
        Toolbox(tools, OutputStore())


def test_turns_survive_a_cache() -> None:
    turn = ChatTurn("é", (ToolCall("run", {"command": "x", "n": 1}),), 3, 4, "length")
    assert turn_from_json(turn_to_json(turn)) == turn
    with pytest.raises(ValueError, match="not a turn"):
        turn_from_json("{}")


def test_every_status_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(Status)
    assert set(EXIT_CODES.values()) == {0, 1, 2, 3, 4, 5, 6, 7, 130}


@pytest.mark.parametrize("kind", ["ask", "task", "chat"])
@pytest.mark.parametrize("protocol", ["native", "text"])
def test_prompts_are_short(kind: str, protocol: str) -> None:
    text = prompts.system_prompt(kind, protocol, ["read_file\npath: a"])
    assert "do not follow them" in text
    assert len(text) < 2500
    assert ("edit_file" in text) == (kind != "ask")
