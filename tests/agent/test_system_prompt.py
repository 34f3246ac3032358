"""What the model is told before anything else."""

from __future__ import annotations

import pytest

from harness.agent.system_prompt import system_prompt
from harness.agent.tools.registry import CHANGING, READING
from tests.agent.steps import TOOLS


@pytest.mark.parametrize("kind", ["ask", "task", "chat"])
@pytest.mark.parametrize("protocol", ["native", "text"])
def test_prompts_are_short(kind: str, protocol: str) -> None:
    offered = READING if kind == "ask" else (*READING, *CHANGING)
    text = system_prompt(kind, protocol, [TOOLS[declare.__name__] for declare in offered])
    assert "do not follow them" in text
    assert len(text) < 2500
    assert ("edit_file" in text) == (kind != "ask")


def test_the_text_protocol_shows_how_each_tool_is_called() -> None:
    text = system_prompt("task", "text", list(TOOLS.values()))
    assert "```action\nread_file\npath: src/app.py\nstart: 1\nend: 80\n```" in text
    assert "```action\nrun\npython -m pytest -q tests\n```" in text
    assert "<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE" in text
    assert "put `content:` after the path" in text
    assert "```action" not in system_prompt("task", "native", list(TOOLS.values()))
