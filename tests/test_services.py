"""The command line against the imitation of an Ollama server, over real HTTP.

Indexing, searching, switching between embedded and Ollama, each fault in turn; and the agent with
native tools and with the text protocol.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import run
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama
from tests.repositories import make_repository

Run = Callable[..., tuple[int, str, str]]

FILES: dict[str, str | bytes] = {
    "app/greeting.py": 'def greet(name: str) -> str:\n    """Greet a person by name."""\n'
    '    return f"Hello {name}"\n',
    "app/session.py": 'def sign_cookie(value: str) -> str:\n    """Sign the session cookie."""\n'
    "    return value + signature(value)\n",
    "README.md": "# Greeter\n\nGreets people and signs cookies.\n",
}


@pytest.fixture
def harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    for name in list(os.environ):
        if name.startswith(("HARNESS_", "OLLAMA_", "QDRANT_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    # Fast retries: what is tested is that they happen and are bounded.
    monkeypatch.setattr("harness.retrying.Backoff.seconds", lambda self, failures: 0.0)

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "greeter", FILES)


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch, harness: Run) -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def index(harness: Run, repository: Path) -> dict[str, Any]:
    code, out, err = harness("index", str(repository), "--json")
    assert code == 0, err
    return dict(json.loads(out))


def first_path(harness: Run, query: str) -> str:
    code, out, err = harness("search", query, "--json")
    assert code == 0, err
    return str(json.loads(out)["results"][0]["path"])


def test_index_search_doctor(harness: Run, repository: Path, ollama: FakeOllama) -> None:
    report = index(harness, repository)
    assert report["model"].startswith("nomic-embed-text")
    assert report["files_indexed"] == 3
    assert first_path(harness, "sign_cookie") == "app/session.py"
    sent = [text for body in ollama.bodies("/api/embed") for text in body["input"]]
    assert any(text.startswith("search_document: app/session.py") for text in sent)
    assert any(text.startswith("search_query: sign_cookie") for text in sent)
    code, out, _ = harness("doctor", "--json")
    assert code == 0
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert checks["chat model"]["ok"] is True
    assert "text protocol" in checks["chat model"]["detail"]
    assert index(harness, repository)["chunks_embedded"] == 0


def test_switching_engines_never_mixes_and_search_answers_throughout(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(harness, repository)
    embedded = json.loads(harness("status", "--json")[1])["repos"][0]["model"]
    with FakeOllama() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        # Before the rebuild the embedded index answers, with its own model.
        assert first_path(harness, "sign_cookie") == "app/session.py"
        assert server.count("/api/embed") <= 1  # at most the probe that tells the dimension
        report = index(harness, repository)
        assert report["chunks_embedded"] == report["chunks_total"]
        assert first_path(harness, "sign_cookie") == "app/session.py"
        assert json.loads(harness("status", "--json")[1])["repos"][0]["model"] != embedded
    # Ollama is gone and still configured: words answer.
    assert first_path(harness, "sign_cookie") == "app/session.py"
    monkeypatch.delenv("OLLAMA_HOST")
    assert first_path(harness, "sign_cookie") == "app/session.py"
    report = index(harness, repository)
    assert (report["model"], report["chunks_embedded"]) == (embedded, report["chunks_total"])


def test_a_model_that_changed_under_its_name_is_noticed(
    harness: Run, repository: Path, ollama: FakeOllama
) -> None:
    first = index(harness, repository)
    ollama.publish_update("nomic-embed-text:latest", applied=True)
    again = index(harness, repository)
    assert again["chunks_embedded"] == first["chunks_total"]


def test_a_model_whose_vectors_change_length_is_searched_by_words_until_it_is_rebuilt(
    harness: Run, repository: Path, ollama: FakeOllama
) -> None:
    index(harness, repository)
    ollama.faults.embed = "dimension"
    assert first_path(harness, "sign_cookie") == "app/session.py"
    report = index(harness, repository)
    assert report["chunks_embedded"] == report["chunks_total"]
    ollama.faults.embed = ""
    assert first_path(harness, "sign_cookie") == "app/session.py"


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param({"busy_requests": 2}, id="503-twice"),
        pytest.param({"broken_requests": 2}, id="500-twice"),
        pytest.param({"drop_requests": 2}, id="dropped-connections"),
        pytest.param({"largest_batch": 1}, id="500-above-a-batch-size"),
        pytest.param({"memory_batch": 1}, id="out-of-memory-above-a-batch-size"),
    ],
)
def test_passing_faults_end_right(
    harness: Run, repository: Path, ollama: FakeOllama, faults: dict[str, int]
) -> None:
    ollama.faults.paths = ("/api/embed",)
    for name, value in faults.items():
        setattr(ollama.faults, name, value)
    report = index(harness, repository)
    assert report["files_indexed"] == 3
    assert ollama.count("/api/embed") < 40


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param({"embed": "nan"}, "finite", id="nan"),
        pytest.param({"embed": "count"}, "", id="wrong-count"),
        pytest.param({"busy_requests": 10**6}, "did not answer", id="always-503"),
    ],
)
def test_lasting_faults_say_what_is_wrong_and_lose_nothing(
    harness: Run, repository: Path, ollama: FakeOllama, fault: dict[str, Any], says: str
) -> None:
    index(harness, repository)
    before = json.loads(harness("search", "sign_cookie", "--json")[1])
    (repository / "app" / "more.py").write_text("def more() -> int:\n    return 1\n")
    requests = len(ollama.requests)
    ollama.faults.paths = ("/api/embed",)
    for name, value in fault.items():
        setattr(ollama.faults, name, value)
    code, _, err = harness("index", str(repository), "--json")
    assert code in {1, 3}
    assert "Traceback" not in err
    assert len(ollama.requests) - requests < 60  # bounded attempts
    ollama.faults.embed = ""
    ollama.faults.busy_requests = 0
    assert json.loads(harness("search", "sign_cookie", "--json")[1]) == before
    assert index(harness, repository)["chunks_total"] > 3 - 1


def test_a_server_that_is_down(
    harness: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    code, out, err = harness("index", str(repository))
    assert (code, out) == (3, "")
    assert "OLLAMA_HOST" in err


def test_models(harness: Run, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = harness("models", "--json")
    assert code == 0
    states = {m["name"]: m["state"] for m in json.loads(out)["models"] if m["wanted"]}
    assert set(states.values()) == {"present"}
    code, out, err = harness("models", "pull", "all-minilm", "no-such-model", "--json")
    assert code == 3
    outcomes = {m["model"]: m["outcome"] for m in json.loads(out)["models"]}
    assert outcomes == {"all-minilm:latest": "already_present", "no-such-model": "failed"}
    assert "no-such-model" in err
    monkeypatch.delenv("OLLAMA_HOST")
    code, _, err = harness("models")
    assert code == 2
    assert "OLLAMA_HOST" in err


def edit(protocol: str) -> list[Turn]:
    """The same change as a native call and as text."""
    old, new = 'return f"Hello {name}"', 'return f"Good day {name}"'
    if protocol == "native":
        arguments = {"path": "app/greeting.py", "search": old, "replace": new}
        return [Turn(tool_calls=(("edit_file", arguments),)), Turn("Done: app/greeting.py:3")]
    call = (
        "```edit_file\npath: app/greeting.py\n<<<<<<< SEARCH\n"
        f"    {old}\n=======\n    {new}\n>>>>>>> REPLACE\n```"
    )
    return [Turn(call), Turn("Done: app/greeting.py:3")]


def test_both_protocols_give_the_same_patch(
    harness: Run, repository: Path, ollama: FakeOllama
) -> None:
    patches = []
    for protocol, model in (("native", "qwen3:4b"), ("text", "codestral")):
        ollama.say(*edit(protocol))
        code, out, err = harness(
            "task", "greet politely", "--repo", str(repository), "--model", model, "--json"
        )
        assert code == 0, err
        result = json.loads(out)
        assert result["protocol"] == protocol
        patches.append(result["patch"])
        folder = Path(result["trajectory_path"]).parent
        names = {"patch.diff", "report.md", "result.json", "trajectory.jsonl"}
        assert {path.name for path in folder.iterdir()} == names
    assert patches[0] == patches[1]
    assert "Good day" in patches[0]
    assert "Hello" in (repository / "app" / "greeting.py").read_text()  # not applied


def test_a_task_is_applied_only_when_asked(
    harness: Run, repository: Path, ollama: FakeOllama
) -> None:
    ollama.say(*edit("text"))
    code, out, _ = harness("task", "greet politely", "--repo", str(repository), "--apply", "--json")
    assert code == 0
    assert json.loads(out)["applied"] is True
    assert "Good day" in (repository / "app" / "greeting.py").read_text()


def test_a_failed_verification_is_exit_code_6(
    harness: Run, repository: Path, ollama: FakeOllama
) -> None:
    ollama.say(*edit("text"), Turn("Done."), Turn("Done."))
    code, out, _ = harness(
        "task", "x", "--repo", str(repository), "--verify", "false", "--apply", "--json"
    )
    assert code == 6
    assert json.loads(out)["verified"] is False
    assert "Hello" in (repository / "app" / "greeting.py").read_text()


def test_ask_with_a_model(harness: Run, repository: Path, ollama: FakeOllama) -> None:
    index(harness, repository)
    ollama.say(Turn("It is signed in app/session.py:1-3, see also app/nowhere.py:7."))
    code, out, err = harness("ask", "how is the cookie signed?", "--json")
    assert code == 0, err
    result = json.loads(out)
    verified = {c["path"]: c["verified"] for c in result["citations"]}
    assert verified == {"app/session.py": True, "app/nowhere.py": False}
    assert "app/nowhere.py:7 [unverified]" in result["answer"]


def test_a_task_without_a_model_is_exit_code_3(harness: Run, repository: Path) -> None:
    code, _, err = harness("task", "x", "--repo", str(repository))
    assert code == 3
    assert "OLLAMA_HOST" in err


def test_no_secret_is_written(
    harness: Run, repository: Path, ollama: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "user:very-secret-value")
    ollama.say(*edit("text"), Turn("The key is user:very-secret-value."))
    code, out, _ = harness("task", "x", "--repo", str(repository), "--json")
    assert code == 0
    folder = Path(json.loads(out)["trajectory_path"]).parent
    for path in folder.iterdir():
        assert "very-secret-value" not in path.read_text(), path.name
        assert path.stat().st_mode & 0o077 == 0
