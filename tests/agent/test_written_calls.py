"""Calls that a model wrote in its own way: understood where the meaning is certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.agent import ScriptedChatModel, Status, ask, run_task
from harness.agent.call_format import NativeProtocol, TextProtocol
from harness.agent.validation import FormatError
from harness.models.conversation import ChatTurn, ToolCall
from tests.agent.steps import TOOLS, changed_lines

READ = ToolCall("read_file", {"path": "calc.py"})
EDIT = ToolCall("edit_file", {"path": "a.py", "content": 'x = """y"""\n'})
JSON = '{"name": "read_file", "arguments": {"path": "calc.py"}}'


@pytest.mark.parametrize("protocol", [NativeProtocol, TextProtocol], ids=["native", "text"])
@pytest.mark.parametrize(
    ("text", "call"),
    [
        pytest.param(f"```json\n{JSON}\n```\n```", READ, id="stray-fence"),
        pytest.param(f"Let me look.\n```json\n{JSON}\n```\nThen I go on.", READ, id="prose-around"),
        pytest.param(f"I call {JSON} now.", READ, id="within-a-line"),
        pytest.param(f"<|im_start|>\n{JSON}<|im_end|>", READ, id="leaked-marks"),
        pytest.param(f"<|im_start|>assistant\n{JSON}\n<|im_start|>user\nOK", READ, id="other-side"),
        pytest.param(f"<tools>\n{JSON}\n</tools>", READ, id="tools-element"),
        pytest.param(f"<function_call>{JSON}</function_call>", READ, id="function_call"),
        pytest.param(
            '{"name": "read_file", "arguments": {"path": "calc.py"}', READ, id="one-short"
        ),
        pytest.param(
            '{"name": "read_file", "arguments": {"path": "calc.py",},}', READ, id="commas"
        ),
        pytest.param("{'name': 'read_file', 'arguments': {'path': 'calc.py'}}", READ, id="quotes"),
        pytest.param(
            '{"type": "function", "function": {"name": "read_file", "parameters": '
            '{"path": "calc.py"}}}',
            READ,
            id="openai",
        ),
        pytest.param(
            '{"name": "read_file", "arguments": {"file_path": "calc.py"}}', READ, id="other-key"
        ),
        pytest.param('read_file("calc.py")', READ, id="python"),
        pytest.param('```python\nread_file(path="calc.py")\n```', READ, id="python-fenced"),
        pytest.param("<read_file>\n<path>calc.py</path>\n</read_file>", READ, id="elements"),
        pytest.param(
            'edit_file(\n    "a.py",\n    content="x = \\"\\"\\"y\\"\\"\\"\\n",\n)',
            EDIT,
            id="python-lines",
        ),
        pytest.param(
            '{"name": "grep", "arguments": {"pattern": "a\\d+"}}',
            ToolCall("grep", {"pattern": "a\\d+"}),
            id="bad-escape",
        ),
        pytest.param(
            '{"name": "edit_file", "arguments": {"path": "a.py", "content": """x = "y"\n"""}}',
            ToolCall("edit_file", {"path": "a.py", "content": 'x = "y"\n'}),
            id="triple-quotes",
        ),
    ],
)
def test_a_call_is_understood(protocol: type, text: str, call: ToolCall) -> None:
    assert protocol(list(TOOLS.values())).parse(ChatTurn(text)).calls == (call,)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('Send `{"name": "read_file", "arguments": {}}` to it.', id="quoted"),
        pytest.param("It calls `read_file(path)` for each file.", id="code"),
        pytest.param("read_file(path) opens it, see calc.py:4", id="no-constants"),
        pytest.param('```json\n{"name": "calc", "version": "1"}\n```', id="other-json"),
        pytest.param("def run(command):\n    return command", id="a-definition"),
    ],
)
def test_an_answer_stays_an_answer(text: str) -> None:
    parsed = TextProtocol(list(TOOLS.values())).parse(ChatTurn(text))
    assert (parsed.calls, parsed.answer) == ((), text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            '{"name": "create_file", "arguments": {"path": "a.py", "content": "x"}}',
            "There is no tool 'create_file'. Use edit_file with content.",
            id="create_file",
        ),
        pytest.param(
            '```json\n{"name": "execute_bash", "arguments": {"command": "ls"}}\n```',
            "There is no tool 'execute_bash'. Use run with command.",
            id="bash",
        ),
        pytest.param(
            '```action\n{"name": "str_replace", "arguments": {}}\n```',
            "Use edit_file with search and replace.",
            id="in-an-action",
        ),
        pytest.param(
            'I write it.\n{"name": "edit_file", "arguments": {"path": "a.py", "content": "x = 1',
            "The call of edit_file is not complete JSON, so it was not made.",
            id="cut-off",
        ),
        pytest.param("<tools></tools>", "Your answer was empty.", id="hollow"),
    ],
)
def test_what_is_not_certain_is_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason.replace("(", r"\(")):
        TextProtocol(list(TOOLS.values())).parse(ChatTurn(text))


def test_several_leaked_calls_are_made_in_order(calculator: Path) -> None:
    fix = (
        '{"name": "edit_file", "arguments": {"path": "calc.py", "search": "    return a - b", '
        '"replace": "    return a + b"}}'
    )
    model = ScriptedChatModel([f"```json\n{JSON}\n```\n```json\n{fix}\n```", "Done."], tools=True)
    result = run_task("Fix add", calculator, model)
    assert (result.status, result.steps) == (Status.OK, 2)
    assert changed_lines(result) == ["-    return a - b", "+    return a + b"]


def test_a_call_is_never_an_answer(calculator: Path) -> None:
    """Six of ten first turns of a real model ended a run as its answer."""
    model = ScriptedChatModel([f"Sure!\n```json\n{JSON}\n```", "In `add`, calc.py:5."], tools=True)
    assert ask("What is wrong?", calculator, model).answer == "In `add`, calc.py:5."
