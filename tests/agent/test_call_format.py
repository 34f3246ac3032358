"""Calls as text: written, read back, and refused with a hint."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent.actions import write_action
from harness.agent.call_format import NativeProtocol, TextProtocol
from harness.agent.leaks import find_leaked_calls
from harness.agent.validation import FormatError
from harness.models.conversation import ChatTurn, ToolCall
from tests.agent.steps import TOOLS


def read(text: str) -> ToolCall:
    (call,) = TextProtocol(list(TOOLS.values())).parse(ChatTurn(text)).calls
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
    assert read(write_action(TOOLS[call.name], call.arguments)) == call


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from('{}[]"`<>=/ \n:actionrunread_filetool_callpath,'), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for protocol in (TextProtocol(list(TOOLS.values())), NativeProtocol(list(TOOLS.values()))):
        try:
            protocol.parse(ChatTurn(text))
        except FormatError:
            continue


def test_deep_json_is_no_call() -> None:
    assert find_leaked_calls("[" * 100_000, [TOOLS["run"].spec])[1] == ()
