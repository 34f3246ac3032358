"""Ollama as an engine, over real HTTP against the imitation, one fault after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from harness.errors import (
    HarnessError,
    InvalidSettingError,
    ModelMismatchError,
    ModelMissingError,
    PermanentError,
    ServiceUnavailableError,
    is_transient,
)
from harness.ollama import Backoff, OllamaClient, OllamaEmbedder, parse_host, same_model
from harness.ollama.address import is_internal
from harness.ollama.embedder import split_text
from harness.ollama.prefixes import prefixes_of
from harness.settings import OllamaSettings
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_server import FakeOllama


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


class Sleeps(list[float]):
    """Waits that were asked for and not slept."""

    def backoff(self, attempts: int = 4) -> Backoff:
        return Backoff(attempts=attempts, sleep=self.append, random=lambda: 1.0)


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


class Embedders:
    """Makes embedders that are closed after the test."""

    def __init__(self, fake: FakeOllama, sleeps: Sleeps) -> None:
        self.fake, self.sleeps, self.made = fake, sleeps, list[OllamaEmbedder]()

    def __call__(self, in_flight: int = 1, **settings: object) -> OllamaEmbedder:
        values: dict[str, object] = {"OLLAMA_HOST": self.fake.url, **settings}
        made = OllamaEmbedder(
            OllamaSettings(**values), in_flight=in_flight, backoff=self.sleeps.backoff()
        )
        self.made.append(made)
        return made


@pytest.fixture
def embedders(fake: FakeOllama, sleeps: Sleeps) -> Iterator[Embedders]:
    factory = Embedders(fake, sleeps)
    yield factory
    for made in factory.made:
        made.close()


TEXTS = [f"passage number {number}" for number in range(40)]


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            pytest.param("localhost", "http://localhost:11434", id="host"),
            pytest.param("gpu-box:8080", "http://gpu-box:8080", id="host and port"),
            pytest.param(":8080", "http://127.0.0.1:8080", id="port alone"),
            pytest.param("  10.0.0.5 ", "http://10.0.0.5:11434", id="IPv4 with spaces"),
            pytest.param("http://ollama:11434", "http://ollama:11434", id="URL"),
            pytest.param("http://ollama:11434/", "http://ollama:11434", id="trailing slash"),
            pytest.param("http://ollama", "http://ollama:80", id="http without port"),
            pytest.param("https://ai.example.org", "https://ai.example.org:443", id="https"),
            pytest.param("HTTPS://ai.example.org", "https://ai.example.org:443", id="upper case"),
            pytest.param(
                "https://ai.example.org/team/ollama/",
                "https://ai.example.org:443/team/ollama",
                id="prefix",
            ),
            pytest.param("example.org/x", "http://example.org:11434/x", id="prefix, no scheme"),
            pytest.param("::1", "http://[::1]:11434", id="bare IPv6"),
            pytest.param("[::1]", "http://[::1]:11434", id="IPv6 in brackets"),
            pytest.param("[fd00::2]:9000", "http://[fd00::2]:9000", id="IPv6 and port"),
            pytest.param("http://[::1]:9000/p", "http://[::1]:9000/p", id="IPv6 URL"),
            pytest.param("0.0.0.0", "http://127.0.0.1:11434", id="any IPv4"),
            pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080", id="any IPv4 and port"),
            pytest.param("[::]:8080", "http://[::1]:8080", id="any IPv6"),
            pytest.param("ollama_gpu", "http://ollama_gpu:11434", id="underscore"),
        ],
    )
    def test_forms_that_users_write(self, text: str, url: str) -> None:
        assert parse_host(text) == url
        assert parse_host(url) == url

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("ftp://host", id="scheme"),
            pytest.param("host:port", id="port is a word"),
            pytest.param("host:99999", id="port too large"),
            pytest.param("host:0", id="port 0"),
            pytest.param("host:", id="no port"),
            pytest.param("two words", id="space"),
            pytest.param("http://[::1", id="open bracket"),
            pytest.param("http://host/?q=1", id="query"),
            pytest.param("-host", id="leading dash"),
        ],
    )
    def test_anything_else_names_the_variable(self, text: str) -> None:
        with pytest.raises(InvalidSettingError, match="OLLAMA_HOST"):
            parse_host(text)

    def test_a_password_is_refused_and_not_shown(self) -> None:
        with pytest.raises(InvalidSettingError) as refused:
            parse_host("https://user:hunter2@host")
        assert "hunter2" not in str(refused.value)

    @pytest.mark.parametrize(
        ("host", "internal"),
        [
            ("localhost", True),
            ("127.0.0.1", True),
            ("::1", True),
            ("192.168.1.7", True),
            ("fd00::2", True),
            ("ollama", True),
            ("ollama.ai.svc.cluster.local", True),
            ("ollama.ai.svc", True),
            ("ai.example.org", False),
            ("8.8.8.8", False),
        ],
    )
    def test_which_hosts_no_proxy_may_see(self, host: str, internal: bool) -> None:
        assert is_internal(parse_host(host)) is internal

    def test_proxies_do_not_see_internal_hosts(
        self, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with OllamaClient(fake.url, backoff=Backoff(attempts=1)) as client:
            assert client.version()

    def test_latest_is_implied(self) -> None:
        assert same_model("nomic-embed-text", "Nomic-Embed-Text:latest")
        assert same_model("registry.ollama.ai/library/a", "a:latest")
        assert not same_model("a:7b", "a")
        assert not same_model("hf.co/x/a", "a")


class TestEmbedding:
    def test_vectors_have_length_one_and_keep_their_order(self, embedders: Embedders) -> None:
        embedder = embedders(in_flight=2, HARNESS_EMBED_BATCH=7)
        vectors = embedder.embed_documents(TEXTS)
        assert vectors.shape == (40, 384)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        for number in (0, 6, 7, 39):
            np.testing.assert_allclose(
                vectors[number], embedder.embed_documents([TEXTS[number]])[0], atol=1e-6
            )

    def test_requests_are_arrays_with_constant_options(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        embedders(HARNESS_EMBED_BATCH=16).embed_documents(TEXTS)
        bodies = fake.bodies("/api/embed")
        assert [len(body["input"]) for body in bodies] == [16, 16, 8]
        assert bodies[0]["input"][0] == "search_document: passage number 0"
        assert bodies[0]["truncate"] is False
        assert bodies[0]["keep_alive"] == "30m"
        assert {str(body["options"]) for body in bodies} == {"{'num_ctx': 2048}"}

    def test_nothing_is_asked_before_the_first_use(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        embedder = embedders()
        assert (embedder.engine, embedder.model) == ("ollama", "nomic-embed-text")
        assert fake.requests == []

    def test_no_texts_are_no_vectors(self, embedders: Embedders) -> None:
        assert embedders().embed_documents([]).shape == (0, 384)

    def test_facts_of_the_model(self, fake: FakeOllama, embedders: Embedders) -> None:
        embedder = embedders()
        assert embedder.digest == fake.shelf.models["nomic-embed-text:latest"].digest
        assert embedder.max_tokens == 2048
        assert embedder.dimension == 384

    def test_another_digest_is_seen_by_the_next_run(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        before = embedders().digest
        fake.publish_update("nomic-embed-text:latest", applied=True)
        assert embedders().digest != before

    @pytest.mark.parametrize(
        ("model", "document", "query"),
        [
            pytest.param(
                "nomic-embed-text:v1.5", "search_document: ", "search_query: ", id="nomic"
            ),
            pytest.param("mxbai-embed-large", "", "Represent this sentence", id="mxbai"),
            pytest.param("snowflake-arctic-embed:33m", "", "Represent this", id="arctic 1"),
            pytest.param("snowflake-arctic-embed2", "", "query: ", id="arctic 2"),
            pytest.param("bge-m3", "", "", id="bge-m3 wants none"),
            pytest.param("hf.co/team/multilingual-e5-base", "passage: ", "query: ", id="e5"),
            pytest.param("embeddinggemma", "title: none | text: ", "task: ", id="gemma"),
            pytest.param("qwen3-embedding:0.6b", "", "Instruct: ", id="qwen3"),
            pytest.param("something-else", "", "", id="unknown"),
        ],
    )
    def test_prefixes_by_model(self, model: str, document: str, query: str) -> None:
        found = prefixes_of(model)
        assert found.document == document
        assert found.query.startswith(query)
        assert bool(found.query) == bool(query)

    def test_settings_go_before_the_table(self, fake: FakeOllama, embedders: Embedders) -> None:
        embedder = embedders(HARNESS_DOCUMENT_PREFIX="doc> ", HARNESS_QUERY_PREFIX="ask> ")
        embedder.embed_documents(["a"])
        embedder.embed_query("b")
        assert [body["input"] for body in fake.bodies("/api/embed")] == [["doc> a"], ["ask> b"]]

    def test_an_overlong_text_is_counted_and_read_to_its_end(
        self, embedders: Embedders, caplog: pytest.LogCaptureFixture
    ) -> None:
        embedder = embedders()
        long = "word " * 4000
        with caplog.at_level(logging.WARNING, "harness.ollama.embedder"):
            vectors = embedder.embed_documents(["short", long, "other"])
            changed = embedder.embed_documents([long[:-5] + "tail."])
        assert embedder.overlong_count == 2
        assert "20000 characters" in caplog.text
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(vectors[0], embedder.embed_documents(["short"])[0], atol=1e-6)
        assert not np.allclose(vectors[1], changed[0])

    def test_parts_of_a_text_are_the_text(self) -> None:
        text = "first line\nsecond line with words\n" * 20 + "x" * 200
        parts = split_text(text, 50)
        assert "".join(parts) == text
        assert max(map(len, parts)) <= 50
        assert parts[0].endswith("\n")


class TestEmbeddingFaults:
    def test_a_batch_that_fails_is_halved_and_the_size_kept(
        self, fake: FakeOllama, embedders: Embedders, sleeps: Sleeps
    ) -> None:
        fake.faults.largest_batch = 10
        embedder = embedders(HARNESS_EMBED_BATCH=32)
        assert embedder.embed_documents(TEXTS).shape == (40, 384)
        assert embedder.batch_size == 8
        sizes = [len(body["input"]) for body in fake.bodies("/api/embed")]
        assert sizes == [32, 16, 8, 8, 8, 8, 8]
        assert sleeps == []

    def test_a_dead_runner_is_answered_with_a_smaller_batch(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        fake.faults.memory_batch = 20
        embedder = embedders(in_flight=2, HARNESS_EMBED_BATCH=32)
        assert embedder.embed_documents(TEXTS * 3).shape == (120, 384)
        assert embedder.batch_size == 16

    def test_a_time_out_is_answered_with_a_smaller_batch(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        fake.faults.slow_batch = 20
        embedder = embedders(HARNESS_EMBED_BATCH=32, HARNESS_OLLAMA_TIMEOUT_SECONDS=0.3)
        assert embedder.embed_documents(TEXTS).shape == (40, 384)
        assert embedder.batch_size == 16

    @pytest.mark.parametrize("status", [503, 429, 502])
    def test_a_busy_server_is_asked_again_later(
        self, fake: FakeOllama, embedders: Embedders, sleeps: Sleeps, status: int
    ) -> None:
        fake.faults.paths = ("/api/embed",)
        fake.faults.busy_requests, fake.faults.busy_status = 3, status
        embedder = embedders()
        embedder.embed_documents(TEXTS[:5])
        assert sleeps == [0.5, 1.0, 2.0]
        assert embedder.batch_size == 32

    @pytest.mark.parametrize(
        ("fault", "requests"),
        [
            pytest.param({"busy_requests": 99}, 4, id="always 503"),
            pytest.param({"broken_requests": 99}, 6 + 3, id="always 500"),
            pytest.param({"drop_requests": 99}, 6 + 3, id="connection dropped"),
            pytest.param({"hang_requests": 99}, 4, id="no answer"),
        ],
    )
    def test_no_fault_becomes_a_storm(
        self,
        fake: FakeOllama,
        embedders: Embedders,
        sleeps: Sleeps,
        fault: dict[str, int],
        requests: int,
    ) -> None:
        embedder = embedders(HARNESS_OLLAMA_TIMEOUT_SECONDS=0.3)
        assert embedder.max_tokens
        fake.faults.paths = ("/api/embed",)
        for name, value in fault.items():
            setattr(fake.faults, name, value)
        with pytest.raises(ServiceUnavailableError, match=fake.url) as failed:
            embedder.embed_documents(TEXTS[:32])
        assert is_transient(failed.value)
        assert fake.count("/api/embed") == requests
        assert len(sleeps) <= 3

    def test_a_failure_ends_the_other_requests_of_the_call(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        embedder = embedders(in_flight=2, HARNESS_EMBED_BATCH=1)
        assert embedder.max_tokens
        fake.faults.busy_requests = 999
        with pytest.raises(ServiceUnavailableError):
            embedder.embed_documents(TEXTS)
        assert fake.count("/api/embed") <= 8

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            pytest.param("nan", "not finite", id="NaN"),
            pytest.param("infinite", "not finite", id="infinite"),
            pytest.param("count", "4 vectors for 5 texts", id="count"),
            pytest.param("dimension", "192 dimensions after 384", id="dimension"),
            pytest.param("ragged", "different lengths", id="ragged"),
            pytest.param("zero", "a vector of zeros", id="zeros"),
        ],
    )
    def test_wrong_vectors_are_never_returned(
        self, fake: FakeOllama, embedders: Embedders, fault: str, said: str
    ) -> None:
        embedder = embedders()
        assert embedder.dimension == 384
        setattr(fake.faults, "embed", fault)  # noqa: B010 - the value is one of a Literal
        with pytest.raises(ModelMismatchError, match=said) as failed:
            embedder.embed_documents(TEXTS[:5])
        assert "harness models pull nomic-embed-text" in str(failed.value)
        assert fake.count("/api/embed") == 2

    def test_an_unknown_model_names_the_remedy(
        self, fake: FakeOllama, embedders: Embedders, sleeps: Sleeps
    ) -> None:
        with pytest.raises(ModelMissingError, match="harness models pull bge-m3"):
            embedders(EMBED_MODEL="bge-m3").embed_query("x")
        assert sleeps == []

    def test_a_model_that_vanished_names_the_remedy(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        embedder = embedders()
        assert embedder.dimension
        fake.shelf.models.clear()
        with pytest.raises(ModelMissingError, match="harness models pull nomic-embed-text"):
            embedder.embed_query("x")

    def test_a_chat_model_cannot_embed(self, embedders: Embedders, sleeps: Sleeps) -> None:
        with pytest.raises(PermanentError, match="does not support embeddings"):
            embedders(EMBED_MODEL="codestral").embed_query("x")
        assert sleeps == []


class TestServer:
    def test_one_that_refuses_and_comes_back(self, fake: FakeOllama, sleeps: Sleeps) -> None:
        with OllamaClient(fake.url, backoff=sleeps.backoff()) as client:
            assert client.version()
            fake.stop()
            with pytest.raises(ServiceUnavailableError, match="ollama serve") as failed:
                client.models()
            assert "refused" in str(failed.value)
            assert len(sleeps) == 3
            fake.start()
            assert client.models()

    def test_one_that_comes_back_between_attempts(self, fake: FakeOllama) -> None:
        fake.stop()
        backoff = Backoff(sleep=lambda _: fake.start(), random=lambda: 1.0)
        with OllamaClient(fake.url, backoff=backoff) as client:
            assert client.version()

    def test_another_path_is_not_a_missing_model(self, fake: FakeOllama) -> None:
        with (
            OllamaClient(f"{fake.url}/prefix") as client,
            pytest.raises(PermanentError, match="check the path in OLLAMA_HOST") as failed,
        ):
            client.show("codestral")
        assert not isinstance(failed.value, ModelMissingError)

    def test_loaded_models(self, fake: FakeOllama, embedders: Embedders) -> None:
        embedders().embed_query("x")
        with OllamaClient(fake.url) as client:
            assert client.loaded() == ("nomic-embed-text:latest",)

    def test_a_name_in_other_case(self) -> None:
        with (
            FakeOllama([FakeModel("Team/Model:Q4", ("completion",))]) as fake,
            OllamaClient(fake.url) as client,
        ):
            assert client.show("team/model:q4").name == "Team/Model:Q4"

    def test_waits_grow_and_vary(self) -> None:
        slept: list[float] = []
        backoff = Backoff(base_seconds=1, cap_seconds=4, sleep=slept.append)
        for failures in range(1, 6):
            backoff.wait(failures)
        for waited, longest in zip(slept, [1, 2, 4, 4, 4], strict=True):
            assert longest / 2 <= waited <= longest

    def test_one_client_in_several_threads(self, fake: FakeOllama) -> None:
        errors: list[HarnessError] = []
        with OllamaClient(fake.url) as client:

            def ask() -> None:
                try:
                    client.models()
                except HarnessError as error:
                    errors.append(error)

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert errors == []
