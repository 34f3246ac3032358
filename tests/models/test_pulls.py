"""Listing and pulling models, over real HTTP against the imitation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.errors import (
    ModelMissingError,
    PermanentError,
    ServiceUnavailableError,
    UsageError,
)
from harness.models.ollama.client import OllamaClient
from harness.models.pulls import (
    ModelState,
    PullOutcome,
    PullProgress,
    list_models,
    pull,
    unique_names,
)
from harness.retrying import Backoff
from tests.fakes.ollama_models import FakeModel
from tests.fakes.ollama_server import FakeOllama

NEW = FakeModel("bge-m3:latest", ("embedding",), layer_bytes=(8_000_000, 4_000, 500))


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama(registry=[NEW]) as server:
        yield server


@pytest.fixture
def client(fake: FakeOllama) -> Iterator[OllamaClient]:
    with OllamaClient(
        fake.url, timeout_seconds=2, backoff=Backoff(attempts=2, sleep=lambda _: None)
    ) as made:
        yield made


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def backoff(slept: list[float]) -> Backoff:
    return Backoff(attempts=3, base_seconds=1, sleep=slept.append, random=lambda: 1.0)


class TestList:
    def test_wanted_first_then_the_rest(self, client: OllamaClient) -> None:
        listed = list_models(client, ["bge-m3", "codestral", "codestral:latest", " "])
        assert [(model.name, model.state) for model in listed[:2]] == [
            ("bge-m3", ModelState.MISSING),
            ("codestral", ModelState.PRESENT),
        ]
        assert listed[1].context_length == 32_768
        assert "completion" in listed[1].capabilities
        assert listed[1].size_bytes == 4_012_000
        assert [model.wanted for model in listed] == [True, True, *[False] * 4]

    def test_another_digest_than_the_expected_one_is_outdated(
        self, fake: FakeOllama, client: OllamaClient
    ) -> None:
        digest = fake.shelf.models["codestral:latest"].digest
        pinned = {"codestral:latest": f"sha256:{digest}", "nomic-embed-text": "0" * 64}
        states = [
            model.state for model in list_models(client, ["codestral", "nomic-embed-text"], pinned)
        ]
        assert states[:2] == [ModelState.PRESENT, ModelState.OUTDATED]

    def test_listing_pulls_nothing(self, fake: FakeOllama, client: OllamaClient) -> None:
        list_models(client, ["bge-m3"])
        assert fake.count("/api/pull") == 0

    def test_names_once(self) -> None:
        assert unique_names(["a", "A:latest", "a:7b", "", "library/a"]) == ("a", "a:7b")


class TestPull:
    def test_a_missing_model_arrives_with_progress(
        self, fake: FakeOllama, client: OllamaClient
    ) -> None:
        seen: list[PullProgress] = []
        result = pull(client, "bge-m3", seen.append, min_interval_seconds=0)
        assert result.outcome is PullOutcome.PULLED
        assert (result.model, result.old_digest, result.digest) == ("bge-m3:latest", "", NEW.digest)
        assert result.size_bytes == 8_004_500
        assert result.attempts == 1
        done = [progress.completed_bytes for progress in seen]
        assert done == sorted(done)
        assert (seen[-1].status, done[-1], seen[-1].total_bytes) == (
            "success",
            8_004_500,
            8_004_500,
        )
        assert any(progress.bytes_per_second > 0 for progress in seen)
        assert any(progress.eta_seconds for progress in seen)
        assert client.find("bge-m3") is not None

    def test_progress_is_told_now_and_then(self, client: OllamaClient) -> None:
        seen: list[PullProgress] = []
        pull(client, "bge-m3", seen.append, min_interval_seconds=60)
        # One for each status, one for each finished layer.
        assert len(seen) <= 4 + 2 * len(NEW.layer_bytes)

    @pytest.mark.parametrize("name", ["codestral", "codestral:latest", "Codestral"])
    def test_a_present_model_is_left_alone(
        self, fake: FakeOllama, client: OllamaClient, name: str
    ) -> None:
        result = pull(client, name)
        assert result.outcome is PullOutcome.ALREADY_PRESENT
        assert result.digest == result.old_digest != ""
        assert fake.count("/api/pull") == 0

    def test_an_update_compares_digests(self, fake: FakeOllama, client: OllamaClient) -> None:
        assert pull(client, "codestral", update=True).outcome is PullOutcome.CURRENT
        old = fake.shelf.models["codestral:latest"].digest
        fake.publish_update("codestral:latest")
        result = pull(client, "codestral", update=True)
        assert result.outcome is PullOutcome.UPDATED
        assert result.old_digest == old != result.digest

    @pytest.mark.parametrize("fault", ["cut_streams", "error_streams"])
    def test_a_broken_stream_is_resumed(
        self,
        fake: FakeOllama,
        client: OllamaClient,
        backoff: Backoff,
        slept: list[float],
        fault: str,
    ) -> None:
        setattr(fake.faults, fault, 2)
        fake.faults.break_after_lines = 3
        fake.faults.stream_error = "max retries exceeded: unexpected EOF"
        seen: list[PullProgress] = []
        result = pull(client, "bge-m3", seen.append, backoff=backoff, min_interval_seconds=0)
        assert result.outcome is PullOutcome.PULLED
        assert result.attempts == 3
        assert slept == [1.0, 2.0]
        done = [progress.completed_bytes for progress in seen]
        assert done == sorted(done)

    def test_attempts_are_bounded(
        self, fake: FakeOllama, client: OllamaClient, backoff: Backoff
    ) -> None:
        fake.faults.error_streams = 99
        fake.faults.stream_error = (
            'pull model manifest: Get "https://registry.ollama.ai/v2/library/bge-m3": dial tcp: '
            "lookup registry.ollama.ai: no such host"
        )
        with pytest.raises(
            ServiceUnavailableError,
            match=r"registry of bge-m3 .*no such host.*HTTPS_PROXY",
        ):
            pull(client, "bge-m3", backoff=backoff)
        assert fake.count("/api/pull") == 3

    def test_an_unknown_name_fails_at_once_with_the_servers_words(
        self, fake: FakeOllama, client: OllamaClient, backoff: Backoff, slept: list[float]
    ) -> None:
        with pytest.raises(ModelMissingError, match=r"no-such-model: .*file does not exist"):
            pull(client, "no-such-model", backoff=backoff)
        assert fake.count("/api/pull") == 1
        assert slept == []

    @pytest.mark.parametrize("name", ["", "two words", "a:b:c"])
    def test_what_is_not_a_name(self, client: OllamaClient, backoff: Backoff, name: str) -> None:
        with pytest.raises(UsageError, match="NAME"):
            pull(client, name, backoff=backoff)

    def test_a_full_disk_is_not_tried_again(
        self, fake: FakeOllama, client: OllamaClient, backoff: Backoff
    ) -> None:
        fake.faults.error_streams = 9
        fake.faults.stream_error = "write /models/blobs/x: no space left on device"
        with pytest.raises(PermanentError, match="no space left"):
            pull(client, "bge-m3", backoff=backoff)
        assert fake.count("/api/pull") == 1

    def test_a_wrong_path_is_not_an_unknown_model(self, fake: FakeOllama) -> None:
        with (
            OllamaClient(f"{fake.url}/x", backoff=Backoff(attempts=1)) as client,
            pytest.raises(PermanentError, match="OLLAMA_HOST"),
        ):
            pull(client, "bge-m3")
