"""``Embedder`` over Ollama's ``/api/embed``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from harness.errors import HarnessError, ModelMismatchError
from harness.models.ollama.client import OllamaClient
from harness.models.ollama.failures import CAUGHT, Advice, diagnose
from harness.models.ollama.options import OllamaOptions
from harness.models.ollama.prefixes import prefixes_of
from harness.models.ollama.served import ServedModel
from harness.retrying import Backoff
from harness.types import FloatArray

log = logging.getLogger(__name__)

MAX_NUM_CTX = 4096
"""Longest window asked for (tokens): Ollama's own smallest default. Passages are far shorter, and
some embedders (qwen3-embedding: 32k) would reserve gigabytes for the rest."""

_UNKNOWN_CONTEXT = 512
_CHARS_PER_TOKEN = 3
_SHORTEST_PART_CHARS = 32


class OllamaEmbedder(ServedModel):
    """An embedding model on an Ollama server; usable from several threads at once.

    Nothing is asked of the server before the first use. Texts travel in arrays of
    ``options.embed_batch``; a time-out, a 5xx answer or a runner out of memory halves the array
    and the smaller size is kept as long as this object lives. A text longer than the model's
    context is embedded in parts whose vectors are averaged by length: no text is cut.

    :param options: host, model, batch, time-out and prefixes.
    :param client: None connects as the options say.
    :param in_flight: requests at the same time within one call.
    :param backoff: attempts when the client is made here.
    :raises InvalidSettingError: the host cannot be used.
    """

    engine = "ollama"

    def __init__(
        self,
        options: OllamaOptions,
        *,
        client: OllamaClient | None = None,
        in_flight: int = 2,
        backoff: Backoff | None = None,
    ) -> None:
        known = prefixes_of(options.embed_model)
        super().__init__(options.embed_model, client or OllamaClient.connect(options, backoff))
        self.document_prefix = _first(options.document_prefix, known.document)
        self.query_prefix = _first(options.query_prefix, known.query)
        self.batch_size = options.embed_batch
        self._in_flight = in_flight
        self._dimension = 0
        self._refused_chars = 0
        self._lock = threading.Lock()

    def count_tokens(self, text: str) -> int | None:
        """None: Ollama has no request that counts tokens."""
        return None

    def by_words(self) -> None:
        """None: the order of the words counts, too."""

    @property
    def digest(self) -> str:
        """Digest of the model's manifest on the server; changes when it was pulled anew."""
        return self.info().digest

    @property
    def max_tokens(self) -> int:
        """Tokens of one text that the model reads, its special tokens included."""
        return min(self.info().context_length or _UNKNOWN_CONTEXT, MAX_NUM_CTX)

    @property
    def dimension(self) -> int:
        """Length of a vector, found out by embedding one word.

        What ``/api/show`` says would not do: some models end in a projection.
        """
        if not self._dimension:
            self._embed_span(["dimension"], self.document_prefix)
        return self._dimension

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Embed passages: ``(n, dim)`` float32, L2-normalised, in the order given.

        :raises ServiceUnavailableError: the server failed after bounded attempts.
        :raises ModelMissingError: the server does not have the model.
        :raises ModelMismatchError: wrong count, dimension, or values that are not finite.
        :raises PermanentError: the server refused the request.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        if len(texts) <= self.batch_size or self._in_flight < 2:
            return self._embed_span(texts, self.document_prefix)
        return self._embed_concurrently(texts)

    def embed_query(self, text: str) -> FloatArray:
        """Embed one query: ``(dim,)`` float32, L2-normalised. Raises as
        :meth:`embed_documents`."""
        vector: FloatArray = self._embed_span([text], self.query_prefix)[0]
        return vector

    def _embed_concurrently(self, texts: Sequence[str]) -> FloatArray:
        rows: dict[int, FloatArray] = {}
        position = 0
        failed = False

        def work() -> None:
            nonlocal position, failed
            while True:
                with self._lock:
                    start, stop = position, min(position + self.batch_size, len(texts))
                    position = stop
                if failed or start == stop:
                    return
                try:
                    rows[start] = self._embed_span(texts[start:stop], self.document_prefix)
                except BaseException:
                    failed = True
                    raise

        try:
            with ThreadPoolExecutor(self._in_flight, thread_name_prefix="embed") as pool:
                workers = [pool.submit(work) for _ in range(self._in_flight)]
        except BaseException:
            # Interrupted while waiting: the requests under way are the last ones.
            failed = True
            raise
        for worker in workers:
            worker.result()
        return np.concatenate([rows[start] for start in sorted(rows)])

    def _embed_span(self, texts: Sequence[str], prefix: str, counted: bool = False) -> FloatArray:
        rows: list[FloatArray] = []
        done, failures = 0, 0
        while done < len(texts):
            piece = self._next_piece(texts, done)
            try:
                answer = self._client.embed_once(
                    self.model,
                    [prefix + text for text in piece],
                    {"num_ctx": self.max_tokens},
                )
            except CAUGHT as error:
                failure = diagnose(error, self._client.url, self.model)
                if failure.advice is Advice.SHORTEN:
                    rows.append(self._embed_overlong(piece, prefix, counted, failure.error))
                    done += len(piece)
                    continue
                if failure.advice is Advice.GIVE_UP:
                    raise failure.error from error
                shrinks = failure.advice is not Advice.RETRY and self._shrink(len(piece))
                # Halving ends by itself; only a server that lets every size time out would keep
                # a run for hours.
                if not shrinks or failure.advice is Advice.SLOW:
                    failures += 1
                    if self._client.backoff.exhausted(failures):
                        raise failure.error from error
                if not shrinks:
                    self._client.backoff.wait(failures)
                continue
            rows.append(self._checked(answer, len(piece)))
            done, failures = done + len(piece), 0
        return rows[0] if len(rows) == 1 else np.concatenate(rows)

    def _next_piece(self, texts: Sequence[str], start: int) -> Sequence[str]:
        # One refused text spoils its whole array, after the server has embedded the rest of it:
        # texts as long as one that was refused before travel alone.
        stop = min(start + self.batch_size, len(texts))
        if self._refused_chars:
            for index in range(start, stop):
                if len(texts[index]) >= self._refused_chars:
                    stop = max(index, start + 1)
                    break
        return texts[start:stop]

    def _shrink(self, size: int) -> bool:
        # Two requests that failed together halve the size once.
        with self._lock:
            if size > 1 and self.batch_size >= size:
                self.batch_size = max(1, size // 2)
                log.warning("Ollama failed on %d texts: sending %d", size, self.batch_size)
        return size > 1

    def _embed_overlong(
        self, piece: Sequence[str], prefix: str, counted: bool, refusal: HarnessError
    ) -> FloatArray:
        if len(piece) > 1:
            half = len(piece) // 2
            return np.concatenate(
                [
                    self._embed_span(piece[:half], prefix, counted),
                    self._embed_span(piece[half:], prefix, counted),
                ]
            )
        text = piece[0]
        if len(text) <= _SHORTEST_PART_CHARS:
            raise refusal
        parts = split_text(text, min(self.max_tokens * _CHARS_PER_TOKEN, (len(text) + 1) // 2))
        with self._lock:
            shortest = min(self._refused_chars or len(text), len(text))
            # Not lower: a dense text (digits, CJK) must not send ordinary ones alone.
            self._refused_chars = max(shortest, 2 * self.max_tokens)
        if not counted:
            log.warning(
                "A text of %d characters is longer than the %d tokens of %s: embedded in parts",
                len(text),
                self.max_tokens,
                self.model,
            )
        vectors = self._embed_span(parts, prefix, counted=True)
        weights = np.array([len(part) for part in parts], dtype=np.float32)
        return self._checked((weights @ vectors)[np.newaxis], 1)

    def _checked(self, answer: Sequence[Sequence[float]] | FloatArray, count: int) -> FloatArray:
        try:
            vectors = np.asarray(answer, dtype=np.float32)
        except ValueError:
            raise self._mismatch("vectors of different lengths") from None
        if len(vectors) != count:
            raise self._mismatch(f"{len(vectors)} vectors for {count} texts")
        if vectors.ndim != 2 or vectors.shape[1] == 0:
            raise self._mismatch("empty vectors")
        with self._lock:
            expected = self._dimension = self._dimension or vectors.shape[1]
        if vectors.shape[1] != expected:
            raise self._mismatch(f"{vectors.shape[1]} dimensions after {expected}")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise self._mismatch("values that are not finite")
        if not norms.all():
            raise self._mismatch("a vector of zeros")
        unit: FloatArray = vectors / norms
        return unit

    def _mismatch(self, what: str) -> ModelMismatchError:
        return ModelMismatchError(
            f"{self.model} at {self._client.url} answered with {what}; update Ollama, run "
            f"`harness models pull {self.model}`, or choose another EMBED_MODEL"
        )


def split_text(text: str, max_chars: int) -> list[str]:
    """Cut a text into consecutive parts that together are the text.

    :param max_chars: longest part; a part ends after a line, else after a space, if there is one
        in its second half.
    """
    parts: list[str] = []
    start = 0
    while start < len(text):
        stop = min(start + max_chars, len(text))
        if stop < len(text):
            middle = start + max_chars // 2
            for separator in ("\n", " "):
                found = text.rfind(separator, middle, stop)
                if found > start:
                    stop = found + 1
                    break
        parts.append(text[start:stop])
        start = stop
    return parts


def _first(setting: str | None, known: str) -> str:
    return known if setting is None else setting
