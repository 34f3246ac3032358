"""What Harness needs of an Ollama server, tried on the imitation and, if one is named, for real.

``HARNESS_TEST_OLLAMA_HOST`` names a real server, ``HARNESS_TEST_EMBED_MODEL`` and
``HARNESS_TEST_CHAT_MODEL`` models that it has (default: the product's).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from harness.errors import ModelMissingError, PermanentError, UsageError
from harness.models.conversation import ChatMessage, ToolSpec
from harness.models.ollama.address import parse_host, qualified_name
from harness.models.ollama.chat import OllamaChatModel
from harness.models.ollama.client import OllamaClient
from harness.models.ollama.embedder import OllamaEmbedder
from harness.models.ollama.options import OllamaOptions
from harness.models.pulls import ModelState, list_models, pull
from harness.retrying import Backoff
from tests.fakes.ollama_server import FakeOllama

MISSING = "harness-no-such-model"


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test and two models on it; an empty name means that it has none."""

    url: str
    embed_model: str
    chat_model: str

    def options(self, **more: object) -> OllamaOptions:
        values: dict[str, object] = {
            "host": self.url,
            "embed_model": self.embed_model or MISSING,
            "chat_model": self.chat_model or MISSING,
            "num_ctx": 2048,
        }
        return OllamaOptions(**{**values, **more})


@pytest.fixture(scope="module", params=["imitation", "real"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "imitation":
        with FakeOllama() as fake:
            yield Server(fake.url, "nomic-embed-text", "codestral")
        return
    host = os.environ.get("HARNESS_TEST_OLLAMA_HOST")
    if not host:
        pytest.skip("HARNESS_TEST_OLLAMA_HOST names no real server")
    yield Server(
        host,
        os.environ.get("HARNESS_TEST_EMBED_MODEL", "nomic-embed-text"),
        os.environ.get("HARNESS_TEST_CHAT_MODEL", "codestral"),
    )


@pytest.fixture
def client(server: Server) -> Iterator[OllamaClient]:
    with OllamaClient(server.url, backoff=Backoff(attempts=2)) as made:
        yield made


@pytest.fixture
def embedder(server: Server) -> Iterator[OllamaEmbedder]:
    if not server.embed_model:
        pytest.skip("the server has no embedding model")
    made = OllamaEmbedder(server.options())
    yield made
    made.close()


@pytest.fixture
def chat(server: Server) -> Iterator[OllamaChatModel]:
    if not server.chat_model:
        pytest.skip("the server has no chat model")
    made = OllamaChatModel(server.options(), max_output_tokens=24)
    yield made
    made.close()


def test_version(client: OllamaClient) -> None:
    assert re.match(r"\d+\.\d+", client.version())


def test_models_have_digests_and_sizes(client: OllamaClient) -> None:
    for model in client.models():
        assert re.fullmatch(r"[0-9a-f]{64}", model.digest)
        assert model.size_bytes > 0
        assert ":" in model.name


def test_wanted_models(client: OllamaClient, server: Server) -> None:
    wanted = [name for name in (server.embed_model, server.chat_model) if name]
    listed = list_models(client, [*wanted, MISSING])
    assert [model.state for model in listed[: len(wanted)]] == [ModelState.PRESENT] * len(wanted)
    assert all(model.context_length > 0 for model in listed[: len(wanted)])
    assert listed[len(wanted)].state is ModelState.MISSING


def test_embedding_an_unknown_model(client: OllamaClient, server: Server) -> None:
    with pytest.raises(ModelMissingError, match=f"harness models pull {MISSING}"):
        OllamaEmbedder(server.options(embed_model=MISSING), client=client).embed_query("x")


def test_chat_with_an_unknown_model(client: OllamaClient) -> None:
    body = {"model": MISSING, "messages": [{"role": "user", "content": "x"}]}
    with pytest.raises(ModelMissingError, match=f"harness models pull {MISSING}"):
        list(client.stream_chat(MISSING, body))


def test_pulling_what_is_not_a_name(client: OllamaClient) -> None:
    with pytest.raises(UsageError, match="invalid model name"):
        pull(client, "two words", backoff=Backoff(attempts=1))


def test_embeddings(embedder: OllamaEmbedder) -> None:
    texts = ["def add(a, b): return a + b", "a recipe for soup", "def plus(x, y): return x + y"]
    vectors = embedder.embed_documents(texts)
    assert vectors.shape == (3, embedder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    alone = np.stack([embedder.embed_documents([text])[0] for text in texts])
    assert (np.sum(vectors * alone, axis=1) > 0.99).all()


def test_a_text_longer_than_the_context_is_read_in_parts(
    embedder: OllamaEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    long = "word " * (embedder.max_tokens * 5 // 4)
    vectors = embedder.embed_documents(["short", long])
    assert caplog.text.count("embedded in parts") == 1
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_embedding_model_facts(embedder: OllamaEmbedder) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", embedder.digest)
    assert 0 < embedder.max_tokens <= 4096


def test_a_streamed_turn(chat: OllamaChatModel) -> None:
    heard: list[str] = []
    turn = chat.chat([ChatMessage("user", "Say hello.")], on_token=heard.append)
    assert turn.content == "".join(heard) != ""
    assert turn.prompt_tokens > 0
    assert 0 < turn.completion_tokens <= 25
    assert turn.done_reason in {"stop", "length"}


def test_a_model_is_loaded_with_the_window_that_was_asked_for(
    chat: OllamaChatModel, server: Server
) -> None:
    chat.chat([ChatMessage("user", "Say hello.")])
    listed = httpx.get(f"{parse_host(server.url)}/api/ps", trust_env=False).json()["models"]
    windows = {model["name"]: model["context_length"] for model in listed}
    assert windows[qualified_name(server.chat_model)] == chat.num_ctx == 2048


def test_a_prompt_longer_than_the_window_is_refused(chat: OllamaChatModel) -> None:
    words = "word " * 3 * chat.num_ctx
    with pytest.raises(PermanentError, match="context size") as caught:
        chat.chat([ChatMessage("system", "Be brief."), ChatMessage("user", words)])
    assert "{" not in str(caught.value)


def test_tools_on_a_model_without(chat: OllamaChatModel) -> None:
    if "tools" in chat.info().capabilities:
        pytest.skip("the model takes tools")
    tool = ToolSpec("look", "Look.", {"type": "object", "properties": {}})
    with pytest.raises(PermanentError, match="does not support tools"):
        chat.chat([ChatMessage("user", "x")], [tool])


def test_embedding_with_a_model_that_cannot(client: OllamaClient, server: Server) -> None:
    if not server.chat_model:
        pytest.skip("the server has no chat model")
    embedder = OllamaEmbedder(server.options(embed_model=server.chat_model), client=client)
    with pytest.raises(PermanentError):
        embedder.embed_query("x")
