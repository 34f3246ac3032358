"""How arguments are written below a tool's name, for any tool."""

from __future__ import annotations

import pytest

from harness.agent.tools.edit_file import EditBlock
from harness.agent.tools.text_forms import KEY_LINES, Body, TextForm
from harness.agent.validation import FormatError


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        pytest.param(KEY_LINES, {}, id="nothing"),
        pytest.param(KEY_LINES, {"path": "a b.py", "query": "x: y"}, id="key-lines"),
        pytest.param(Body("command"), {"command": "a: b\n\nc"}, id="body"),
        pytest.param(
            Body("text", ("path",)), {"path": "a", "text": "one\ntwo"}, id="keys-and-body"
        ),
        pytest.param(EditBlock(), {"path": "a", "content": "x = 1\n"}, id="whole-file"),
        pytest.param(EditBlock(), {"path": "a", "search": "x", "replace": ""}, id="deletion"),
    ],
)
def test_what_is_written_is_read_back(form: TextForm, arguments: dict[str, object]) -> None:
    assert form.read("tool", form.write(arguments)) == arguments


def test_a_body_may_follow_its_own_key() -> None:
    assert Body("command").read("run", "command: |\nls\npwd") == {"command": "ls\npwd"}
    assert Body("command").read("run", "command: ls\npwd") == {"command": "ls\npwd"}


def test_prose_instead_of_arguments_is_refused() -> None:
    with pytest.raises(FormatError, match="read_file: write each argument on a line of its own"):
        KEY_LINES.read("read_file", "path: a.py\nand tell me what it does")
