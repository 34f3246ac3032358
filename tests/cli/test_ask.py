"""``harness ask``: passages, models, what a terminal is shown."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from harness.agent.events import AgentEvent, EventKind
from harness.cli.agent import progress_printer
from tests.cli.runs import Run, document


def test_a_citation_of_a_changed_file_is_marked(harness: Run, repository: Path) -> None:
    harness("index", str(repository))
    (repository / "app" / "session.py").write_text("# rewritten\n")
    answer = document(harness("ask", "how is the session cookie signed?", "--json"))
    by_path = {c["path"]: c["verified"] for c in answer["citations"]}
    assert by_path["app/session.py"] is False
    assert by_path["app/routing.py"] is True
    marked = [p for p in answer["passages"] if "has changed since it was indexed" in p["text"]]
    assert [passage["citation"]["path"] for passage in marked] == ["app/session.py"]


def test_ask_shows_passages_whatever_becomes_of_the_model(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness("index", str(repository))
    question = "how is the session cookie signed?"
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    code, out, err = harness("ask", question)
    assert code == 3
    assert "app/session.py:" in out and "127.0.0.1:9" in err
    answer = document(harness("ask", question, "--json"), code=3)
    assert answer["passages"] and answer["citations"] and answer["error"]
    assert (answer["status"], answer["answer"]) == ("model_unavailable", "")


def test_the_demo_model_answers_only_when_asked_to(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from harness.agent import ScriptedChatModel
    from harness.models import demo_chat

    asked: list[ScriptedChatModel] = []

    def demo(**_: object) -> ScriptedChatModel:
        asked.append(ScriptedChatModel(["It is in app/session.py:4."], tools=False))
        return asked[-1]

    monkeypatch.setattr(demo_chat, "DemoChatModel", demo)
    monkeypatch.setattr(demo_chat, "available", lambda: True)
    harness("index", str(repository))
    question = "how is the session cookie signed?"
    code, out, err = harness("ask", question)
    assert (code, "[demo model" in out) == (0, False)
    assert "no chat model" in err and "OLLAMA_HOST" in err
    assert not asked
    out = harness("ask", question, "--demo")[1]
    assert len(asked) == 1
    passages, _, words = out.partition("[demo model")
    assert "app/session.py:" in passages and "It is in app/session.py:4." in words
    repository.rename(tmp_path / "elsewhere")
    code, out, _ = harness("ask", question, "--demo")
    assert code == 0
    assert "its folder is gone" in out and "It is in app/session.py:4." in out


def test_without_the_demo_model_the_passages_are_there(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.errors import ModelMissingError
    from harness.models import demo_chat

    def missing(**_: object) -> None:
        raise ModelMissingError("the demo model is not installed; run `make chat-model`")

    monkeypatch.setattr(demo_chat, "DemoChatModel", missing)
    harness("index", str(repository))
    code, out, err = harness("ask", "how is the cookie signed", "--demo")
    assert code == 3
    assert "app/session.py:" in out and "make chat-model" in err


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_a_terminal_is_told_that_the_model_is_at_work(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    class Stderr(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    shown = Stderr()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    show = progress_printer(quiet=False)
    show(AgentEvent(EventKind.STEP, "step 1", 1))
    show(AgentEvent(EventKind.TOKEN, "I look", 1))
    show(AgentEvent(EventKind.CALL, '{"pattern": "x"}', 1, "grep", "grep x"))
    while_called = shown.getvalue()
    show(AgentEvent(EventKind.OUTPUT, "a:1:x\na:2:x\na:3:x", 1, "grep", "grep x: 3 lines"))
    show(AgentEvent(EventKind.END, "ok", 1))
    assert ("step 1: the model has written" in while_called) is terminal
    # Nothing is drawn over the question whether a command may run.
    assert shown.getvalue() == while_called + "[1] grep x: 3 lines\n"
