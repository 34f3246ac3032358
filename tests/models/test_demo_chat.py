"""The demo chat model; most of it runs only where ``make chat-model`` was run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import ModelMissingError, PermanentError
from harness.models.conversation import ChatMessage, ToolSpec
from harness.models.demo_chat import DemoChatModel, available, model_file

installed = pytest.mark.skipif(
    not available(), reason="the demo chat model is not installed: run `make chat-model`"
)


def test_a_missing_package_names_the_remedy() -> None:
    with pytest.raises(ModelMissingError, match="make chat-model"):
        model_file("harness_no_such_package")


def test_a_package_without_weights_names_the_remedy() -> None:
    with pytest.raises(ModelMissingError, match="make chat-model"):
        model_file("json")


def test_weights_are_found_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(tmp_path)
    assert model_file("some_weights") == package / "model.gguf"
    assert "some_weights" not in sys.modules


@pytest.mark.skipif(available(), reason="the demo chat model is installed")
def test_without_its_packages_it_says_so() -> None:
    with pytest.raises(ModelMissingError, match="make chat-model"):
        DemoChatModel()


@pytest.fixture(scope="module")
def demo() -> DemoChatModel:
    return DemoChatModel(num_ctx=512, max_output_tokens=12, threads=2)


@installed
def test_a_streamed_turn(demo: DemoChatModel) -> None:
    heard: list[str] = []
    turn = demo.chat([ChatMessage("user", "Say hello.")], on_token=heard.append)
    assert turn.content == "".join(heard) != ""
    assert turn.prompt_tokens > 5
    assert 0 < turn.completion_tokens <= 12
    assert turn.done_reason in {"stop", "length"}


@installed
def test_what_it_is(demo: DemoChatModel) -> None:
    info = demo.info()
    assert info.capabilities == {"completion"}
    assert info.size_bytes > 90_000_000
    assert demo.label == "demo"


@installed
def test_tools_are_refused(demo: DemoChatModel) -> None:
    tool = ToolSpec("look", "Look.", {"type": "object", "properties": {}})
    with pytest.raises(PermanentError, match="no tools"):
        demo.chat([ChatMessage("user", "x")], [tool])


@installed
def test_a_prompt_longer_than_the_window_is_refused(demo: DemoChatModel) -> None:
    with pytest.raises(PermanentError, match="context"):
        demo.chat([ChatMessage("user", "word " * 600)])


@installed
def test_a_listener_that_fails_ends_the_turn(demo: DemoChatModel) -> None:
    def fail(_: str) -> None:
        raise KeyError("from the caller")

    with pytest.raises(KeyError, match="from the caller"):
        demo.chat([ChatMessage("user", "Say hello.")], on_token=fail)
    assert demo.chat([ChatMessage("user", "Say hello.")]).content
