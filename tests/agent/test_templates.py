"""Histories, rendered as the templates of the usual families do it: nothing is lost on the way.

The templates are written after those of Ollama's library (2026), in Jinja: which of words and calls
they print, and what becomes of system and tool messages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jinja2
import pytest

from harness.agent import ScriptedChatModel, calls, run_task
from harness.agent.call_format import protocol_name
from harness.models.conversation import ChatMessage, ModelInfo
from tests.agent.steps import FIX, READ, TOOLS, write

CALLS = "{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}"
TEMPLATES = {
    # Words, or else calls.
    "qwen": "{% for m in messages %}<|im_start|>{{ 'user' if m.role == 'tool' else m.role }}\n"
    "{% if m.content %}{{ m.content }}{% elif m.tool_calls %}<tool_call>" + CALLS + "</tool_call>"
    "{% endif %}<|im_end|>\n{% endfor %}",
    # Calls, or else words.
    "llama": "{% for m in messages %}<|start_header_id|>"
    "{{ 'ipython' if m.role == 'tool' else m.role }}<|end_header_id|>\n\n"
    "{% if m.tool_calls %}" + CALLS + "{% else %}{{ m.content }}{% endif %}<|eot_id|>{% endfor %}",
    "mistral": "{% for m in messages %}{% if m.role == 'system' %}[INST] {{ m.content }}\n\n"
    "{% elif m.role == 'user' %}[INST] {{ m.content }}[/INST]{% elif m.role == 'tool' %}"
    "[TOOL_RESULTS] {{ m.content }}[/TOOL_RESULTS]{% elif m.content %} {{ m.content }}</s>"
    "{% elif m.tool_calls %}[TOOL_CALLS] [" + CALLS + "]</s>{% endif %}{% endfor %}",
    # No tools, and no role for their outputs.
    "deepseek": "{% for m in messages %}{% if m.role == 'user' %}User: {{ m.content }}\n\n"
    "{% elif m.role == 'system' %}{{ m.content }}\n\n{% elif m.role == 'assistant' %}"
    "Assistant: {{ m.content }}<|end|>{% endif %}{% endfor %}",
    "gemma": "{% for m in messages %}{% if m.role in ('user', 'system') %}<start_of_turn>user\n"
    "{{ m.content }}<end_of_turn>\n{% elif m.role == 'assistant' %}<start_of_turn>model\n"
    "{{ m.content }}<end_of_turn>\n{% endif %}{% endfor %}",
}
WITH_TOOLS = ("qwen", "llama", "mistral")


def joined(messages: Sequence[ChatMessage]) -> list[dict[str, object]]:
    """As Ollama joins neighbours of one role: their words; the calls of the later are lost."""
    found: list[dict[str, object]] = []
    for message in messages:
        if found and found[-1]["role"] == message.role != "tool":
            found[-1]["content"] = f"{found[-1]['content']}\n\n{message.content}"
            continue
        wanted = [
            {"function": {"name": call.name, "arguments": dict(call.arguments)}}
            for call in message.tool_calls
        ]
        found.append({"role": message.role, "content": message.content, "tool_calls": wanted})
    return found


@pytest.mark.parametrize(
    ("family", "native"),
    [*((family, False) for family in TEMPLATES), *((family, True) for family in WITH_TOOLS)],
)
def test_a_history_reaches_the_model_whole(family: str, native: bool, calculator: Path) -> None:
    if native and family not in WITH_TOOLS:
        pytest.skip("its models get no tools")
    words = "I look at the file."
    steps = [calls(READ, content=words), calls(FIX)] if native else [write(READ, words), write(FIX)]
    lines = [*steps, "Done."]
    model = ScriptedChatModel(lines, tools=native)
    run_task("Fix the sign in add", calculator, model)
    messages = model.requests[-1]
    template = jinja2.Environment(autoescape=False).from_string(TEMPLATES[family])
    text = template.render(messages=joined(messages))
    assert words in text
    assert text.count("read_file") >= 1 and "Fix the sign in add" in text
    plain = text.replace("\\n", "\n").replace('\\"', '"')
    assert "    return a + b" in plain and "    4| def add(a, b):" in plain
    for message in messages:
        for call in message.tool_calls:
            assert json.dumps(call.arguments["path"]) in text
        assert message.content.strip() in text


@pytest.mark.parametrize(
    ("name", "capabilities", "protocol"),
    [
        ("qwen3-coder:30b", {"tools"}, "native"),
        ("llama3.1:8b", {"tools"}, "native"),
        ("mistral-small:24b", {"tools"}, "native"),
        ("qwen2.5-coder:1.5b", {"tools"}, "text"),
        ("hf.co/bartowski/Qwen2.5-Coder-7B", {"tools"}, "text"),
        ("deepseek-coder-v2:16b", {"tools"}, "text"),
        ("gemma3:4b", {"tools"}, "text"),
        ("codestral", set(), "text"),
    ],
)
def test_the_protocol_of_a_family(name: str, capabilities: set[str], protocol: str) -> None:
    model = ModelInfo(name, "", 0, 0, frozenset(capabilities))
    assert protocol_name(model) == protocol
    assert protocol_name(model, "native") == "native"


@pytest.mark.parametrize(
    "first",
    [
        pytest.param('{"name": "read_file", "arguments": {"path": "calc.py"}}', id="leaked"),
        pytest.param('{"name": "read_file", "arguments": {"path": "ca', id="broken"),
        pytest.param("The function add is wrong.", id="prose"),
    ],
)
def test_the_protocol_adapts_to_what_the_model_does(calculator: Path, first: str) -> None:
    model = ScriptedChatModel([first, write(FIX), "Done."], tools=True, model="some:8b")
    result = run_task("Fix add", calculator, model)
    assert (result.exit_code, result.protocol) == (0, "text")
    assert "```action\nedit_file" in model.requests[1][0].content
    assert model.offered == ()


def test_a_model_that_calls_natively_keeps_its_tools(calculator: Path) -> None:
    model = ScriptedChatModel([calls(READ), "Fixed.", calls(FIX), "Done."], tools=True)
    result = run_task("Fix add", calculator, model)
    assert (result.exit_code, result.protocol) == (0, "native")
    assert {tool.name for tool in model.offered} == set(TOOLS)
