"""The conversation within the model's window."""

from __future__ import annotations

import pytest

from harness.agent.context import Context, Entry
from harness.agent.status import Status, Stop
from harness.models.conversation import ChatMessage, ChatTurn


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
