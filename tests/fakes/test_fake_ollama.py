"""The imitation of Ollama itself: what it refuses, and the routes that Harness itself never calls.

Status codes and texts are those that a server built from Ollama's sources gave (0.32.15).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from harness.models.ollama.embedder import OllamaEmbedder
from harness.models.ollama.options import OllamaOptions
from tests.fakes.ollama_server import FakeOllama


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with FakeOllama() as fake, httpx.Client(base_url=fake.url, trust_env=False) as client:
        yield client


HI = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        pytest.param("/api/embed", "", 400, "missing request body", id="no body"),
        pytest.param("/api/embed", "{", 400, "unexpected EOF", id="not JSON"),
        pytest.param("/api/embed", {"model": 7}, 400, "cannot unmarshal", id="model is a number"),
        pytest.param(
            "/api/embed", {"model": "all-minilm", "input": 3}, 400, "invalid input type", id="input"
        ),
        pytest.param("/api/embed", {"model": "x", "inputs": []}, 400, "inputs", id="misspelt"),
        pytest.param(
            "/api/embed", {"model": "x", "options": {"numctx": 1}}, 400, "numctx", id="option"
        ),
        pytest.param(
            "/api/embed",
            {"model": "all-minilm", "input": "x", "options": {"num_ctx": "1"}},
            500,
            'option "num_ctx" must be of type integer',
            id="text",
        ),
        pytest.param(
            "/api/embed", {"model": "x"}, 404, 'model "x" not found, try pulling', id="unknown"
        ),
        pytest.param(
            "/api/show", {"model": "x"}, 404, "model 'x:latest' not found", id="show unknown"
        ),
        pytest.param(
            "/api/chat",
            {"model": "x", "messages": HI},
            404,
            "model 'x' not found",
            id="chat unknown",
        ),
        pytest.param("/api/show", {}, 400, "model is required", id="show nothing"),
        pytest.param(
            "/api/chat",
            {"model": "all-minilm", "messages": HI},
            400,
            '"all-minilm" does not support chat',
            id="embedder asked to chat",
        ),
        pytest.param(
            "/api/chat",
            {"model": "codestral", "messages": HI, "think": True},
            400,
            '"codestral" does not support thinking',
            id="think",
        ),
        pytest.param(
            "/api/chat", {"model": "codestral", "messages": [{"role": "x"}]}, 400, "role", id="role"
        ),
        pytest.param(
            "/api/chat",
            {"model": "qwen3:4b", "messages": HI, "tools": [1]},
            400,
            "tools",
            id="tool",
        ),
        pytest.param("/api/pull", {"model": "a b"}, 400, "invalid model name", id="pull"),
        pytest.param("/api/nothing", {}, 404, "404 page not found", id="route"),
        pytest.param("/api/tags", {}, 405, "405 method not allowed", id="method"),
    ],
)
def test_refusals(http: httpx.Client, path: str, body: object, status: int, said: str) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = http.post(path, content=content)
    assert (answer.status_code, said in answer.text.replace('\\"', '"')) == (status, True)


def test_one_answer_without_streaming(http: httpx.Client) -> None:
    body = {"model": "codestral", "messages": HI, "stream": False}
    answer = http.post("/api/chat", json=body).json()
    assert answer["done"] is True
    assert answer["message"]["content"].startswith("This is an imitation")


def test_preload_list_and_delete() -> None:
    with FakeOllama() as fake, httpx.Client(base_url=fake.url, trust_env=False) as http:
        preload = {"model": "codestral", "options": {"num_ctx": 2048}}
        assert http.post("/api/generate", json=preload).json()["done_reason"] == "load"
        loaded = http.get("/api/ps").json()["models"]
        assert [(m["name"], m["context_length"]) for m in loaded] == [("codestral:latest", 2048)]
        nothing = {"model": "all-minilm", "input": []}
        answer = http.post("/api/embed", json=nothing).json()
        assert answer == {"model": "all-minilm", "embeddings": []}
        unload = {"model": "codestral", "keep_alive": 0}
        assert http.post("/api/generate", json=unload).json()["done_reason"] == "unload"
        assert "codestral" not in http.get("/api/ps").text
        assert http.request("DELETE", "/api/delete", json={"model": "codestral"}).is_success
        assert "codestral:latest" not in http.get("/api/tags").text


def test_embeddings_of_the_embedded_model_have_meaning() -> None:
    with FakeOllama(embeddings="static") as fake:
        fake.faults.delay_seconds = 0.05
        embedder = OllamaEmbedder(OllamaOptions(host=fake.url, embed_model="all-minilm"))
        assert embedder.max_tokens == 2048
        query = embedder.embed_query("read a file from the disk")
        near, far = embedder.embed_documents(["open and load a file", "a recipe for soup"])
        embedder.close()
    assert np.dot(query, near) > np.dot(query, far) + 0.2


def test_it_runs_by_hand() -> None:
    command = [sys.executable, "-m", "tests.fakes.ollama_server", "--port", "0"]
    with subprocess.Popen(
        [*command, "--embeddings", "noop"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[4]
            assert httpx.get(f"{url}/api/version", trust_env=False).json()["version"]
        finally:
            process.terminate()
