"""Where an action ends: as it was meant, or refused; never a part of it, never what follows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent.actions import write_action
from harness.agent.call_format import TextProtocol
from harness.agent.validation import FormatError
from harness.models.conversation import ChatTurn, ToolCall
from tests.agent.steps import TOOLS
from tests.agent.tools.random_edits import LINES

PROTOCOL = TextProtocol(list(TOOLS.values()))
HEREDOC = "cat > README.md <<'END'\n# Demo\n```\nmake\n```\nDone.\nEND"


def read(text: str, done_reason: str = "stop") -> ToolCall:
    (call,) = PROTOCOL.parse(ChatTurn(text, done_reason=done_reason)).calls
    return call


def content(text: str, path: str = "README.md") -> str:
    return f"```action\nedit_file\npath: {path}\ncontent:\n{text}\n```"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        pytest.param(f"```action\nrun\n{HEREDOC}\n```", "command", HEREDOC, id="heredoc"),
        pytest.param(
            f"```action\nrun\n{HEREDOC}\n```\nIt prints:\n```sh\nok\n```",
            "command",
            HEREDOC,
            id="heredoc-and-chatter",
        ),
        pytest.param(
            "```action\nrun\npytest -q\n```\nOutput:\n```\n3 passed\n```",
            "command",
            "pytest -q",
            id="invented-output",
        ),
        pytest.param(
            "```action\nread_file\npath: a.py\n```\nOutput:\n```\nx = 1\n```",
            "path",
            "a.py",
            id="invented-file",
        ),
        pytest.param(
            content("# A\n```sh\nmake\n```"), "content", "# A\n```sh\nmake\n```\n", id="inner"
        ),
        pytest.param(
            content("- a\n  ```\n  make\n  ```\nEnd."),
            "content",
            "- a\n  ```\n  make\n  ```\nEnd.\n",
            id="indented",
        ),
        pytest.param(
            content("# A\n~~~\n```\n~~~\nEnd."),
            "content",
            "# A\n~~~\n```\n~~~\nEnd.\n",
            id="tildes",
        ),
        pytest.param(
            content("Sub\n~~~\n\nText."), "content", "Sub\n~~~\n\nText.\n", id="rst-heading"
        ),
        pytest.param(
            content("# A\n````md\n```\nx\n```\n````\nEnd."),
            "content",
            "# A\n````md\n```\nx\n```\n````\nEnd.\n",
            id="longer-inside",
        ),
        pytest.param(
            content("```md\n# A\n```sh\nmake\n```\n```", "a.md"),
            "content",
            "# A\n```sh\nmake\n```\n",
            id="wrapped-markdown",
        ),
        pytest.param(content("```python\nx = 1\n```", "a.py"), "content", "x = 1\n", id="wrapped"),
        pytest.param(
            content("```sh\na\n```\ntext\n```sh\nb\n```"),
            "content",
            "```sh\na\n```\ntext\n```sh\nb\n```\n",
            id="two-blocks-are-no-wrapper",
        ),
        pytest.param(content("x = 1") + "\nDone.", "content", "x = 1\n", id="chatter"),
        pytest.param(
            content("x = 1") + "\nThen:\n```sh\npytest\n```",
            "content",
            "x = 1\n",
            id="chatter-fence",
        ),
        pytest.param(content("\n\nx = 1\n\n"), "content", "\n\nx = 1\n\n\n", id="blank-lines"),
        pytest.param("~~~action\nrun\nls\n~~~", "command", "ls", id="tilde-action"),
        pytest.param(
            "1. First\n   ```action\n   run\n   if x; then\n     ls\n   fi\n   ```",
            "command",
            "if x; then\n  ls\nfi",
            id="in-a-list",
        ),
        pytest.param(
            "````action\nedit_file\npath: a.md\ncontent:\n```\nx\n```\n\n```\ny\n```\n````",
            "content",
            "```\nx\n```\n\n```\ny\n```\n",
            id="longer-outside",
        ),
        pytest.param("```action\nrun\npytest -q", "command", "pytest -q", id="not-closed-one-line"),
        pytest.param(
            "```action\r\nrun\r\nls\r\npwd\r\n```\r\nDone.", "command", "ls\npwd", id="crlf"
        ),
        pytest.param(
            "```action\nread_file\npath: a.py\r\n```\r\n", "path", "a.py", id="crlf-below-head"
        ),
        pytest.param(
            "```action\nedit_file\npath: a\r\n<<<<<<< SEARCH\r\nx\r\n=======\r\n"
            ">>>>>>> REPLACE\r\n```",
            "search",
            "x",
            id="crlf-inside",
        ),
        pytest.param(
            "```action\nedit_file\npath: a\ncontent:\nx\r\ny\n```",
            "content",
            "x\r\ny\n",
            id="said-crlf",
        ),
        pytest.param(
            "```action\ngrep\npattern: `x`\npath: `a b.py`\n```", "pattern", "`x`", id="quotes-stay"
        ),
        pytest.param('```action\ngrep\npattern: "a\n```', "pattern", '"a', id="half-a-quote"),
        pytest.param(
            "```action\nread_file\npath: 'a b.py'\nstart: \"3\"\n```", "path", "a b.py", id="path"
        ),
        pytest.param(
            "```action\nrun\ncommand: |\n  ls\n  pwd\n```", "command", "ls\npwd", id="yaml-block"
        ),
        pytest.param("```action\nrun\necho: x\n```", "command", "echo: x", id="looks-like-a-key"),
    ],
)
def test_what_was_meant_is_read(text: str, key: str, value: str) -> None:
    assert read(text).arguments[key] == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(content("# A\n```\nmake\n```\nEnd."), "not clear where", id="bare-inside"),
        pytest.param(
            content("x = 1") + "\nThen:\n```\npytest\n```", "not clear where", id="bare-behind"
        ),
        pytest.param(content("```sh\nmake\n```"), "belongs to the file", id="wrapper-or-content"),
        pytest.param(content("# A")[:-4], "not closed", id="content-not-closed"),
        pytest.param(content("# A\n```sh\nmake\n```")[:-4], "not closed", id="inner-closed-only"),
        pytest.param("```action\nrun\nls\npwd", "not closed", id="run-not-closed"),
        pytest.param("```action\nrun\nls\n\nThis lists files.", "not closed", id="prose-behind"),
        pytest.param("```action\nrun\npytest -q```", "not closed", id="closed-in-the-line"),
        pytest.param(
            content("x = 1") + "\n```action\nrun\nls\n```",
            "Exactly one action",
            id="two-and-a-file",
        ),
        pytest.param(
            content("# A\n```action\nrun\nls\n```\n"), "longer fence", id="an-action-inside"
        ),
        pytest.param(
            "```action\nrun\necho it's\n```\nDon't:\n```\nx\n```", "not clear", id="open-quote"
        ),
        pytest.param(
            "```action\nedit_file\npath: a.py\nI change it.\n```", "needs a SEARCH", id="prose"
        ),
        pytest.param(
            "```action\nedit_file\npath: a.yml\nname: ci\n```",
            "needs a SEARCH",
            id="no-content-key",
        ),
    ],
)
def test_what_is_not_clear_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        content("# A")[:-4],
        content("# A\n```\nmake\n```\nEnd")[:-4],
        "```action\nedit_file\npath: a\ncontent:\nx\n```",
        "```action\nrun\ncat <<E\nx",
        "```action\nedit_file\npath: a\n<<<<<<< SEARCH\nx\n=======\ny",
    ],
)
def test_what_was_cut_off_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="cut off"):
        read(text, "length")


def test_what_ended_before_the_cut_is_read() -> None:
    block = (
        "```action\nedit_file\npath: a\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n```\nNow"
    )
    assert read(block, "length").arguments["replace"] == "y"
    assert read("```action\nrun\nls\n```\nThis li", "length").arguments == {"command": "ls"}


texts = st.one_of(st.lists(LINES).map("\n".join), st.text(st.characters(codec="utf-8")))
calls = st.one_of(
    st.builds(lambda p, c: ("edit_file", {"path": p, "content": c}), LINES, texts),
    st.builds(
        lambda p, s, r: ("edit_file", {"path": p, "search": s, "replace": r}), LINES, texts, texts
    ),
    st.builds(lambda c: ("run", {"command": c}), texts.filter(str.strip)),
    st.builds(
        lambda p, q: ("grep", {"pattern": p, "path": q}),
        LINES.filter(str.strip),
        st.text(max_size=9),
    ),
    st.builds(lambda p, n: ("read_file", {"path": p, "start": n}), LINES, st.integers(1, 99)),
)


@settings(deadline=None)
@given(calls)
def test_any_call_is_read_as_it_was_written(call: tuple[str, dict[str, object]]) -> None:
    name, arguments = call
    assert read(f"I do this.\n{write_action(TOOLS[name], arguments)}") == ToolCall(name, arguments)


@settings(deadline=None)
@given(call=calls, chatter=st.lists(LINES, max_size=5).map("\n".join))
def test_chatter_never_becomes_part_of_a_call(
    call: tuple[str, dict[str, object]], chatter: str
) -> None:
    name, arguments = call
    text = f"{write_action(TOOLS[name], arguments)}\n{chatter}"
    try:
        found = read(text)
    except FormatError:
        return
    assert found == ToolCall(name, arguments)


@settings(deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=6), chatter=st.lists(LINES, max_size=4))
def test_three_backticks_around_anything(lines: list[str], chatter: list[str]) -> None:
    """As models write it, whatever the text holds: all of it, or a refusal. A text with a bare
    fence in it and the same text with chatter that has one look alike."""
    text = "\n".join(lines)
    try:
        found = read("\n".join([content(text, "a.txt"), *chatter])).arguments["content"]
    except FormatError:
        return
    bare = [line.strip() for line in [*lines, *chatter] if line.strip().startswith("```")]
    if not bare:
        assert found == f"{text}\n"
    assert str(found).startswith(lines[0]) or lines[0].startswith(("```", "~~~", "  ```"))


@pytest.mark.parametrize(
    "second", ["```action\nrun\npwd\n```", "~~~action\nrun\npwd\n~~~", "```run\npwd\n```"]
)
def test_of_two_actions_the_first_is_taken_and_the_model_is_told(second: str) -> None:
    turn = ChatTurn(f"First:\n```action\nrun\nls\n```\nThen:\n{second}")
    parsed = TextProtocol(list(TOOLS.values())).parse(turn)
    assert parsed.calls == (ToolCall("run", {"command": "ls"}),)
    assert "Only the first action" in parsed.note
