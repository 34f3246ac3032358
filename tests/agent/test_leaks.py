"""What models print instead of calling a tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent import ScriptedChatModel, Status, ask
from harness.agent.leaks import find_leaked_calls
from harness.agent.validation import FormatError
from tests.agent.conftest import Play
from tests.agent.steps import TOOLS, said_to


@pytest.mark.parametrize("tools", [True, False], ids=["native", "text"])
@pytest.mark.parametrize(
    "leak",
    [
        pytest.param('{"name": "read_file", "arguments": {"path": "calc.py"}}', id="json"),
        pytest.param(
            '```json\n{"name": "read_file", "parameters": {"path": "calc.py"}}\n```', id="fence"
        ),
        pytest.param(
            '[{"name": "read_file", "arguments": "{\\"path\\": \\"calc.py\\"}"}]', id="list"
        ),
        pytest.param(
            'I read.\n<tool_call>\n{"name": "read_file", "arguments": {"path": "calc.py"}}\n'
            "</tool_call>",
            id="tool_call",
        ),
        pytest.param(
            "<tool_call>\n<function=read_file>\n<parameter=path>\ncalc.py\n</parameter>\n"
            "<parameter=start>\n1\n</parameter>\n</function>\n</tool_call>",
            id="xml",
        ),
        pytest.param("<function=read_file>\n<parameter=path>calc.py</parameter>", id="cut-xml"),
        pytest.param(
            '[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "calc.py"}}]', id="mistral"
        ),
        pytest.param('[TOOL_CALLS]read_file[ARGS]{"path": "calc.py"}', id="mistral-named"),
        pytest.param("```read_file\npath: calc.py\n```", id="named-fence"),
        pytest.param('```action\n{"tool": "read_file", "path": "calc.py"}\n```', id="json-action"),
        pytest.param("<think>hm</think>\n```action\nread_file\npath: `calc.py`", id="no-fence-end"),
    ],
)
def test_calls_printed_as_text_are_recovered(calculator: Path, leak: str, tools: bool) -> None:
    model = ScriptedChatModel([leak, "`add` is wrong, calc.py:5"], tools=tools)
    result = ask("What is wrong?", calculator, model)
    assert "return a - b" in said_to(model)
    assert result.status is Status.OK


def test_an_answer_that_quotes_json_stays_an_answer(calculator: Path, play: Play) -> None:
    answer = 'Send `{"name": "read_file", "arguments": {}}` to it, as in:\n```json\n{"a": 1}\n```'
    assert ask("How?", calculator, play(answer)).answer == answer


def xml(content: str) -> str:
    return (
        "<tool_call>\n<function=edit_file>\n<parameter=path>\na.xml\n</parameter>\n"
        f"<parameter=content>\n{content}\n</parameter>\n</function>\n</tool_call>"
    )


def test_a_parameter_keeps_its_lines() -> None:
    _, (call,) = find_leaked_calls(xml("\n  <a>\n\n```\n"), [TOOLS["edit_file"].spec])
    assert call.arguments == {"path": "a.xml", "content": "\n  <a>\n\n```\n"}


@pytest.mark.parametrize(
    "content",
    [
        "a</parameter>b",
        "a\n</parameter>\n</function>\nb",
        "<parameter=path>\nb\n</parameter>",
        "<function=run>\n<parameter=command>\nls\n</parameter>\n</function>",
        "</function>",
    ],
)
def test_marks_of_the_format_inside_a_text_are_refused(content: str) -> None:
    """The format knows no quoting: a part of the text would be written."""
    with pytest.raises(FormatError, match="marks"):
        find_leaked_calls(xml(content), [TOOLS["edit_file"].spec])


def test_a_call_that_breaks_off_is_refused() -> None:
    with pytest.raises(FormatError, match="not complete"):
        find_leaked_calls("<function=run>\n<parameter=command>\nls\nand", [TOOLS["run"].spec])
