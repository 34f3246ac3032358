"""Requests whose bytes are not UTF-8: every model is sent text that it can be sent."""

from __future__ import annotations

from pathlib import Path

from harness.agent import ChatSession, ScriptedChatModel, ask, calls, run_task
from tests.agent.steps import FIX

REQUEST = "what is caf\udce9?"


def test_every_kind_of_request_can_be_encoded(calculator: Path) -> None:
    models = [ScriptedChatModel([step, "Nothing."]) for step in ("It is.", calls(FIX), "It is.")]
    ask(REQUEST, calculator, models[0])
    run_task(REQUEST, calculator, models[1])
    with ChatSession(calculator, models[2]) as chat:
        chat.send(REQUEST)
    for model in models:
        sent = "\n".join(message.content for message in model.requests[0])
        assert "what is caf\\xe9?" in sent
        sent.encode()
