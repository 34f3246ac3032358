"""The whole way: the loop, the official client, real HTTP, an imitation of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.agent import AgentEvent, Envelope, EventKind, Limits, RunOptions, Status, ask, run_task
from harness.models.ollama.chat import OllamaChatModel
from harness.models.ollama.options import OllamaOptions
from harness.retrying import Backoff
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama

ACTION = """I fix the sign.
```action
edit_file
path: calc.py
<<<<<<< SEARCH
    return a - b
=======
    return a + b
>>>>>>> REPLACE
```
"""
EDIT = {"path": "calc.py", "search": "    return a - b", "replace": "    return a + b"}


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


def model_of(fake: FakeOllama, name: str, **options: object) -> OllamaChatModel:
    values: dict[str, object] = {"host": fake.url, "chat_model": name, **options}
    return OllamaChatModel(OllamaOptions(**values), backoff=Backoff(sleep=lambda seconds: None))  # type: ignore[arg-type]


def fix(fake: FakeOllama, root: Path, name: str) -> Envelope:
    model = model_of(fake, name)
    try:
        options = RunOptions(protocol="native" if "qwen" in name else "text", strategy="loop")
        return run_task("Fix add", root, model, verify="python3 check.py", options=options)
    finally:
        model.close()


def test_both_protocols_give_the_same_patch(fake: FakeOllama, calculator: Path) -> None:
    fake.say(Turn(tool_calls=(("read_file", {"path": "calc.py"}),)))
    fake.say(Turn(tool_calls=(("edit_file", EDIT),)), Turn("Done."))
    native = fix(fake, calculator, "qwen2.5-coder:7b")
    fake.say(Turn("```action\nread_file\npath: calc.py\n```"), Turn(ACTION), Turn("Done."))
    text = fix(fake, calculator, "codestral")
    assert (native.status, native.verified, native.protocol) == (Status.OK, True, "native")
    assert (text.status, text.verified, text.protocol) == (Status.OK, True, "text")
    assert native.patch == text.patch != ""
    bodies = fake.bodies("/api/chat")
    assert len({body["options"]["num_ctx"] for body in bodies}) == 1
    assert ["tools" in body for body in bodies] == [True] * 3 + [False] * 3


def test_a_cut_stream_is_tried_again(fake: FakeOllama, calculator: Path) -> None:
    fake.faults.cut_streams = 1
    fake.say(Turn("A first answer that is cut."), Turn("See calc.py:4."))
    model = model_of(fake, "codestral")
    result = ask("Where?", calculator, model)
    model.close()
    assert result.status is Status.OK
    assert "calc.py:4" in result.answer or "first answer" in result.answer


def test_no_server(fake: FakeOllama, calculator: Path, tmp_path: Path) -> None:
    model = model_of(fake, "codestral")
    fake.stop()
    result = run_task("Fix", calculator, model, results_dir=tmp_path / "out")
    model.close()
    assert (result.status, result.exit_code, result.num_ctx) == (Status.MODEL_UNAVAILABLE, 3, 0)
    assert (tmp_path / "out" / "result.json").exists()


def test_no_such_model(fake: FakeOllama, calculator: Path) -> None:
    model = model_of(fake, "mixtral")
    result = ask("Where?", calculator, model)
    model.close()
    assert (result.status, result.exit_code) == (Status.MODEL_UNAVAILABLE, 3)
    assert "mixtral" in (result.error or "")


def test_time_limit_while_streaming(fake: FakeOllama, calculator: Path) -> None:
    fake.say(Turn("word " * 200))
    model = model_of(fake, "codestral")
    result = ask("Where?", calculator, model, limits=Limits(wall_seconds=0.0))
    model.close()
    assert result.status is Status.TIME_LIMIT


@pytest.mark.parametrize("silent", ["hang_requests", "hang_streams"])
def test_time_limit_while_the_server_is_silent(
    fake: FakeOllama, calculator: Path, silent: str
) -> None:
    setattr(fake.faults, silent, 9)
    fake.faults.paths = ("/api/chat",)
    fake.say(*[Turn("one two three")] * 9)
    model = model_of(fake, "codestral")
    events: list[AgentEvent] = []
    limits = Limits(wall_seconds=2.5)
    result = ask("Where?", calculator, model, limits=limits, on_event=events.append)
    model.close()
    assert result.status is Status.TIME_LIMIT, result.error
    assert result.duration_seconds < 2.5 + 5
    assert fake.count("/api/chat") == 1  # not asked again with nothing left
    waited = any(event.kind is EventKind.WAIT for event in events)
    assert waited is (silent == "hang_requests")


def test_a_request_that_timed_out_is_not_repeated(fake: FakeOllama, calculator: Path) -> None:
    fake.faults.hang_requests = 9
    fake.faults.paths = ("/api/chat",)
    model = model_of(fake, "codestral", timeout_seconds=0.3)
    result = ask("Where?", calculator, model)
    model.close()
    assert (result.status, fake.count("/api/chat")) == (Status.MODEL_UNAVAILABLE, 1)


def test_a_prompt_that_the_server_refuses_is_an_overflow(
    fake: FakeOllama, calculator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.agent.context.CHARS_PER_TOKEN", 100.0)  # a wrong estimate
    model = model_of(fake, "codestral", num_ctx=2048)
    result = ask("word " * 4000, calculator, model)
    model.close()
    assert (result.status, result.exit_code) == (Status.CONTEXT_OVERFLOW, 4), result.error
