"""Questions over HTTP: one document or a stream, with a model or without, and its faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.agent.options import Limits, RunOptions
from harness.agent.scripted import ScriptedChatModel, calls
from harness.answers.assistant import Assistant
from harness.errors import ServiceUnavailableError
from harness.models.conversation import ChatMessage
from tests.service.lab import Lab, running

PATH = "/api/v1/ask"
QUESTION = {"question": "how is a session signed?", "repo": "web"}
STREAM = {"Accept": "text/event-stream"}
ANSWER = "`sign_session` returns `sign(value)`, in src/session.py:1-2."


def events(answer: Any) -> list[tuple[str, Any]]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.strip().split("\n\n"):
        kind, _, data = block.partition("\n")
        if not kind.startswith(":"):
            found.append((kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@contextmanager
def answering(index: Path, data: Path, *turns: Any) -> Iterator[Lab]:
    """A service whose model says these turns."""

    def opened() -> Assistant:
        return Assistant(ScriptedChatModel(list(turns)), Limits(), RunOptions(), data / "results")

    with running(index, data, open_assistant=opened) as lab:
        yield lab


def reading_then_answering() -> list[Any]:
    return [calls(("read_file", {"path": "src/session.py"})), ANSWER]


def test_without_a_model_passages_are_the_answer(lab: Lab) -> None:
    document = lab.request("POST", PATH, "asker", json=QUESTION).json()
    assert document["passages"][0]["citation"]["path"] == "src/session.py"
    assert document["citations"][0]["verified"] is True
    stream = lab.request("POST", PATH, "asker", json=QUESTION, headers=STREAM)
    assert [kind for kind, _ in events(stream)] == ["passages", "answer"]


def test_a_stream_has_passages_then_words_then_the_checked_answer(
    index: Path, tmp_path: Path
) -> None:
    with answering(index, tmp_path, *reading_then_answering()) as lab:
        found = events(lab.request("POST", PATH, "asker", json=QUESTION, headers=STREAM))
    kinds = [kind for kind, _ in found]
    assert kinds[0] == "passages"
    assert kinds[-1] == "answer"
    assert "token" in kinds
    said = "".join(data["text"] for kind, data in found if kind == "token")
    assert "returns `sign(value)`" in said
    last = found[-1][1]
    assert ("src/session.py", True) in {(c["path"], c["verified"]) for c in last["citations"]}
    assert last["trajectory_path"] is None  # a path of the server's


def test_one_document_has_the_same_answer(index: Path, tmp_path: Path) -> None:
    with answering(index, tmp_path, *reading_then_answering()) as lab:
        document = lab.request("POST", PATH, "asker", json=QUESTION).json()
    assert ANSWER in document["answer"]
    assert document["passages"]


def test_passages_alone_when_asked_for(index: Path, tmp_path: Path) -> None:
    with answering(index, tmp_path, RuntimeError("must not be asked")) as lab:
        document = lab.request("POST", PATH, "asker", json={**QUESTION, "model": False}).json()
    assert document["protocol"] == "passages"


def test_passages_stay_when_the_model_is_gone(index: Path, tmp_path: Path) -> None:
    with answering(index, tmp_path, ServiceUnavailableError("Ollama does not answer")) as lab:
        found = events(lab.request("POST", PATH, "asker", json=QUESTION, headers=STREAM))
    last = found[-1][1]
    assert last["passages"]
    assert "Ollama does not answer" in last["error"]


def test_an_unexpected_error_ends_the_stream_without_its_text(index: Path, tmp_path: Path) -> None:
    def broken() -> Assistant:
        raise RuntimeError("secret detail")

    with running(index, tmp_path, open_assistant=broken) as lab:
        answer = lab.request("POST", PATH, "asker", json=QUESTION, headers=STREAM)
    assert events(answer)[-1] == ("error", {"error": "it failed; see the log"})
    assert "secret detail" not in answer.text


def test_a_caller_has_only_so_many_questions_at_once(index: Path, tmp_path: Path) -> None:
    answer_now = threading.Event()
    begun = threading.Semaphore(0)

    def wait(_: Sequence[ChatMessage]) -> str:
        begun.release()
        assert answer_now.wait(60)
        return ANSWER

    with answering(index, tmp_path, wait) as lab:
        answers: list[Any] = []

        def ask() -> None:
            answers.append(lab.request("POST", PATH, "asker", json=QUESTION))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert begun.acquire(timeout=60)
        refused = lab.request("POST", PATH, "asker", json=QUESTION)
        answer_now.set()
        for thread in threads:
            thread.join()
        assert refused.status_code == 429
        assert [answer.status_code for answer in answers] == [200, 200]
        # What has ended makes room.
        assert lab.request("POST", PATH, "asker", json=QUESTION).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({}, 422, id="nothing"),
        pytest.param({"question": ""}, 422, id="empty"),
        pytest.param({"question": "x" * 20_001}, 422, id="long"),
        pytest.param({"question": "x", "repo": "nope"}, 404, id="unknown-repository"),
        pytest.param({"question": "x", "lang": "klingon"}, 400, id="unknown-language"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    lab: Lab, body: dict[str, Any], status: int
) -> None:
    answer = lab.request("POST", PATH, "asker", json=body)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]
