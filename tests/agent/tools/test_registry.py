"""Every tool that is offered, whatever it does."""

from __future__ import annotations

import pytest

from harness.agent.actions import write_action
from harness.agent.call_format import TextProtocol
from harness.agent.tools.registry import CHANGING, MAX_TOOLS, READING
from harness.agent.tools.tool import Tool
from harness.models.conversation import ChatTurn, ToolCall
from tests.agent.steps import TOOLS

each_tool = pytest.mark.parametrize("tool", [pytest.param(t, id=t.name) for t in TOOLS.values()])


def test_small_models_are_not_offered_more_tools_than_they_can_tell_apart() -> None:
    assert len(READING) + len(CHANGING) <= MAX_TOOLS


@each_tool
def test_the_example_survives_the_text_protocol(tool: Tool) -> None:
    text = "I do this.\n" + write_action(tool, tool.example)
    (call,) = TextProtocol(list(TOOLS.values())).parse(ChatTurn(text)).calls
    assert call == ToolCall(tool.name, tool.example)


@each_tool
def test_the_example_names_declared_arguments_only(tool: Tool) -> None:
    properties = tool.spec.parameters["properties"]
    assert isinstance(properties, dict)
    assert set(tool.example) <= set(properties)
