"""Ollama as an engine, over real HTTP against the imitation, one fault after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from harness.errors import (
    HarnessError,
    ModelMismatchError,
    ModelMissingError,
    PermanentError,
    ServiceUnavailableError,
    is_transient,
)
from harness.models.ollama.client import OllamaClient
from harness.models.ollama.embedder import OllamaEmbedder, split_text
from harness.models.ollama.options import OllamaOptions
from harness.retrying import Backoff
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_server import FakeOllama


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


def test_a_redirect_is_not_followed(fake: FakeOllama) -> None:
    """Whoever answers in the server's place would be shown code."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(307)
            self.send_header("Location", f"{fake.url}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

        do_POST = do_GET  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            once = Backoff(attempts=1)
            with OllamaClient(f"http://127.0.0.1:{http.server_address[1]}", backoff=once) as client:
                with pytest.raises(HarnessError):
                    client.models()
                with pytest.raises(HarnessError):
                    list(client.stream_chat("m", {"model": "m", "messages": []}))
        finally:
            http.shutdown()
            thread.join()
    assert fake.requests == []


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

    def __call__(self, in_flight: int = 1, **options: object) -> OllamaEmbedder:
        values: dict[str, object] = {"host": self.fake.url, **options}
        made = OllamaEmbedder(
            OllamaOptions(**values), in_flight=in_flight, backoff=self.sleeps.backoff()
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


class TestEmbedding:
    def test_vectors_have_length_one_and_keep_their_order(self, embedders: Embedders) -> None:
        embedder = embedders(in_flight=2, embed_batch=7)
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
        embedders(embed_batch=16).embed_documents(TEXTS)
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

    def test_settings_go_before_the_table(self, fake: FakeOllama, embedders: Embedders) -> None:
        embedder = embedders(document_prefix="doc> ", query_prefix="ask> ")
        embedder.embed_documents(["a"])
        embedder.embed_query("b")
        assert [body["input"] for body in fake.bodies("/api/embed")] == [["doc> a"], ["ask> b"]]

    def test_an_overlong_text_is_reported_and_read_to_its_end(
        self, embedders: Embedders, caplog: pytest.LogCaptureFixture
    ) -> None:
        embedder = embedders()
        long = "word " * 4000
        with caplog.at_level(logging.WARNING, "harness.models.ollama.embedder"):
            vectors = embedder.embed_documents(["short", long, "other"])
            changed = embedder.embed_documents([long[:-5] + "tail."])
        assert caplog.text.count("20000 characters") == 2
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(vectors[0], embedder.embed_documents(["short"])[0], atol=1e-6)
        assert not np.allclose(vectors[1], changed[0])

    def test_overlong_texts_do_not_spoil_array_after_array(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        embedder = embedders(embed_batch=8)
        embedder.embed_documents(["word " * 2000])
        before = fake.count("/api/embed")
        embedder.embed_documents([*TEXTS[:3], "word " * 2000, *TEXTS[3:7]])
        sizes = [len(body["input"]) for body in fake.bodies("/api/embed")[before:]]
        assert sizes == [3, 1, 2, 4]

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
        embedder = embedders(embed_batch=32)
        assert embedder.embed_documents(TEXTS).shape == (40, 384)
        assert embedder.batch_size == 8
        sizes = [len(body["input"]) for body in fake.bodies("/api/embed")]
        assert sizes == [32, 16, 8, 8, 8, 8, 8]
        assert sleeps == []

    def test_a_dead_runner_is_answered_with_a_smaller_batch(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        fake.faults.memory_batch = 20
        embedder = embedders(in_flight=2, embed_batch=32)
        assert embedder.embed_documents(TEXTS * 3).shape == (120, 384)
        assert embedder.batch_size == 16

    def test_a_time_out_is_answered_with_a_smaller_batch(
        self, fake: FakeOllama, embedders: Embedders
    ) -> None:
        fake.faults.slow_batch = 20
        embedder = embedders(embed_batch=32, timeout_seconds=0.3)
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

    def test_attempts_are_counted_anew_after_each_success(
        self, fake: FakeOllama, embedders: Embedders, sleeps: Sleeps
    ) -> None:
        embedder = embedders(embed_batch=4)
        assert embedder.max_tokens
        fake.faults.busy_every = 2
        assert embedder.embed_documents(TEXTS).shape == (40, 384)
        assert len(sleeps) >= 9
        assert set(sleeps) == {0.5}

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
        embedder = embedders(timeout_seconds=0.3)
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
        embedder = embedders(in_flight=2, embed_batch=1)
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
            embedders(embed_model="bge-m3").embed_query("x")
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
            embedders(embed_model="codestral").embed_query("x")
        assert sleeps == []


class TestServer:
    def test_proxies_do_not_see_internal_hosts(
        self, fake: FakeOllama, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with OllamaClient(fake.url, backoff=Backoff(attempts=1)) as client:
            assert client.version()

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

    def test_a_name_in_other_case(self) -> None:
        with (
            FakeOllama([FakeModel("Team/Model:Q4", ("completion",))]) as fake,
            OllamaClient(fake.url) as client,
        ):
            assert client.show("team/model:q4").name == "Team/Model:Q4"

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
