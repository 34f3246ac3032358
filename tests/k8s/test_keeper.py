"""The process beside each model server, against an imitation of Ollama on the loopback."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from tests.k8s.documents import CHART


class ImitationOllama(BaseHTTPRequestHandler):
    """Only what the keeper asks; not Ollama."""

    present: ClassVar[set[str]] = set()
    loaded: ClassVar[set[str]] = set()
    embedders: ClassVar[set[str]] = set()
    broken: ClassVar[set[str]] = set()
    requests: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def do_GET(self) -> None:
        names = self.present if self.path == "/api/tags" else self.loaded
        self._send(200, {"models": [{"name": name} for name in sorted(names)]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append((self.path, body))
        model = body["model"] if ":" in body["model"] else body["model"] + ":latest"
        if self.path == "/api/pull":
            if model in self.broken:
                # As Ollama does: the error comes inside an answer that began with 200.
                self._send(200, {"status": "pulling manifest"}, {"error": "file does not exist"})
                return
            self.present.add(model)
            self._send(200, {"status": "pulling manifest"}, {"status": "success"})
        elif self.path == "/api/generate" and model in self.embedders:
            self._send(400, {"error": "does not support generate"})
        else:
            self.loaded.add(model)
            self._send(200, {"done": True})

    def _send(self, status: int, *lines: dict[str, Any]) -> None:
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def ollama() -> Iterator[str]:
    for name in ("present", "loaded", "embedders", "broken"):
        getattr(ImitationOllama, name).clear()
    ImitationOllama.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), ImitationOllama)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def keeper() -> ModuleType:
    path = CHART / "files" / "keep_models.py"
    spec = importlib.util.spec_from_file_location("keep_models", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_models_are_pulled_and_present_ones_are_not(
    keeper: ModuleType, ollama: str
) -> None:
    ImitationOllama.present.add("codestral:latest")
    assert keeper.keep_once(ollama, ["codestral", "nomic-embed-text", "q:7b"], [])
    pulled = [body["model"] for path, body in ImitationOllama.requests if path == "/api/pull"]
    assert pulled == ["nomic-embed-text", "q:7b"]
    ImitationOllama.requests.clear()
    assert keeper.keep_once(ollama, ["codestral", "nomic-embed-text", "q:7b"], [])
    assert ImitationOllama.requests == []


def test_chosen_models_are_loaded_for_good(keeper: ModuleType, ollama: str) -> None:
    ImitationOllama.embedders.add("nomic-embed-text:latest")
    assert keeper.keep_once(ollama, [], ["codestral", "nomic-embed-text"])
    loads = [(p, b["keep_alive"]) for p, b in ImitationOllama.requests if p != "/api/pull"]
    assert loads == [("/api/generate", -1), ("/api/generate", -1), ("/api/embed", -1)]
    assert ImitationOllama.loaded == {"codestral:latest", "nomic-embed-text:latest"}


def test_a_broken_pull_is_not_ready_and_does_not_stop_the_others(
    keeper: ModuleType, ollama: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ImitationOllama.broken.add("nonsense:latest")
    assert not keeper.keep_once(ollama, ["nonsense", "codestral"], [])
    assert "codestral:latest" in ImitationOllama.present
    assert "cannot pull nonsense: file does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(("up", "ready"), [(True, True), (False, False)], ids=["up", "down"])
def test_ready_file_says_whether_everything_is_in_place(
    keeper: ModuleType,
    ollama: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    up: bool,
    ready: bool,
) -> None:
    file = tmp_path / "ready"
    file.touch()
    monkeypatch.setenv("OLLAMA_HOST", ollama if up else "http://127.0.0.1:9")
    monkeypatch.setenv("MODELS", "codestral")
    monkeypatch.setenv("READY_FILE", str(file))
    monkeypatch.setenv("ONCE", "1")
    monkeypatch.setattr(keeper.signal, "signal", lambda *_: None)
    assert keeper.main() == (0 if ready else 1)
    assert file.exists() is ready
