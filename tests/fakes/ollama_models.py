"""What the imitation of Ollama has: models, how they embed, what they say, how they fail."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

EmbeddingMode = Literal["static", "hash", "noop"]
EmbedFault = Literal["", "nan", "infinite", "count", "dimension", "zero", "ragged"]


@dataclass(frozen=True, slots=True)
class FakeModel:
    """A model on the server or in the registry; sizes in bytes, layers in order."""

    name: str
    capabilities: tuple[str, ...]
    context_length: int = 8192
    architecture: str = "llama"
    dimension: int = 384
    revision: int = 1
    layer_bytes: tuple[int, ...] = (4_000_000, 12_000)

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.name}@{self.revision}".encode()).hexdigest()

    @property
    def layers(self) -> tuple[tuple[str, int], ...]:
        return tuple(
            (hashlib.sha256(f"{self.digest}/{number}".encode()).hexdigest(), size)
            for number, size in enumerate(self.layer_bytes)
        )

    def updated(self) -> FakeModel:
        """The same name with other weights."""
        return replace(self, revision=self.revision + 1)


def default_models(context_length: int) -> tuple[FakeModel, ...]:
    """The product's defaults, one chat model with tools, one that thinks.

    :param context_length: of the embedding models, in tokens.
    """
    embedding = ("embedding",)
    return (
        FakeModel("nomic-embed-text:latest", embedding, context_length, "nomic-bert"),
        FakeModel("all-minilm:latest", embedding, context_length, "bert"),
        FakeModel("codestral:latest", ("completion", "insert"), 32_768),
        FakeModel("qwen2.5-coder:7b", ("completion", "tools", "insert"), 32_768, "qwen2"),
        FakeModel("qwen3:4b", ("completion", "tools", "thinking"), 40_960, "qwen3"),
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """One scripted answer; a tool call is ``(name, arguments)``."""

    content: str = ""
    tool_calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    thinking: str = ""
    done_reason: str = "stop"


@dataclass(slots=True)
class Faults:
    """Switches; counts go down with each request that they hit. Delays are in seconds.

    ``paths`` limits all of them to some routes, empty means every route. A server that refuses
    connections is one that is stopped: see ``FakeOllama.stop`` and ``start``.
    """

    paths: tuple[str, ...] = ()
    delay_seconds: float = 0.0
    hang_requests: int = 0
    busy_requests: int = 0
    busy_status: int = 503
    busy_every: int = 0
    """Every n-th request of all is refused as busy; 0 is off."""
    broken_requests: int = 0
    drop_requests: int = 0
    largest_batch: int = 0
    """More texts in one request than this are answered with 500; 0 is off."""
    memory_batch: int = 0
    """More texts than this kill the runner, which 0.32 answers with 400; 0 is off."""
    slow_batch: int = 0
    """More texts than this are never answered; 0 is off."""
    hang_streams: int = 0
    """Streams that fall silent after ``break_after_lines``."""
    cut_streams: int = 0
    error_streams: int = 0
    break_after_lines: int = 1
    stream_error: str = "an error was encountered while running the model: unexpected EOF"
    embed: EmbedFault = ""


@dataclass(slots=True)
class Shelf:
    """Everything that changes while the server runs; guarded by ``lock``."""

    models: dict[str, FakeModel]
    registry: dict[str, FakeModel]
    script: list[Turn] = field(default_factory=list)
    loaded: dict[str, int] = field(default_factory=dict)
    downloaded: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Embeddings:
    """Vectors as JSON text, so that the no-op mode costs next to nothing.

    :param mode: ``static`` embeds with the embedded engine's model; ``hash`` is deterministic and
        without meaning; ``noop`` answers every text with one vector.
    """

    def __init__(self, mode: EmbeddingMode) -> None:
        self.mode = mode
        self.context_length = 2048
        self._model: Any = None
        if mode == "static":
            from harness.models.static.embedder import StaticEmbedder

            self._model = StaticEmbedder()
        self._noop = json.dumps(_hashed("noop", 384))

    def count_tokens(self, text: str) -> int:
        """Tokens as this server counts them: a quarter of the characters."""
        return len(text) // 4 + 2

    def cut(self, text: str, tokens: int) -> str:
        """Shorten a text as the server does unless it is told not to."""
        while self.count_tokens(text) > tokens:
            text = text[: int(len(text) * min(0.9, tokens / self.count_tokens(text)))]
        return text

    def rows(self, texts: Sequence[str], dimension: int) -> list[str]:
        """One JSON array of numbers for each text."""
        if self.mode == "noop":
            return [self._noop] * len(texts)
        if self._model is not None:
            return [json.dumps(row) for row in self._model.embed_documents(texts).tolist()]
        return [json.dumps(_hashed(text, dimension)) for text in texts]


def _hashed(text: str, dimension: int) -> list[float]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return [round(float(value), 6) for value in vector / np.linalg.norm(vector)]
