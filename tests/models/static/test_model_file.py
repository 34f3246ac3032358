"""The format of a static model's file, as documented."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError, ModelMismatchError, ModelMissingError
from harness.models.static import embedder, model_file, terms
from harness.models.static.model_file import StaticModel

Change = Callable[[bytes], bytes]

WORDS = ("delete", "file", "open", "remove", "session")


def small_model(tokenizer: str = terms.VERSION) -> StaticModel:
    chance = np.random.default_rng(1)
    hashes = np.array(sorted(map(terms.term_hash, WORDS)), dtype=np.uint32)
    rows = chance.integers(-127, 128, size=(len(WORDS) + 64, 8), dtype=np.int8)
    scales = chance.random(len(rows), dtype=np.float32) + np.float32(0.1)
    weights = np.ones(len(rows), dtype=np.float16)
    return StaticModel("small", tokenizer, hashes, scales, weights, rows, seed=7)


def framed(head: bytes, data: bytes) -> bytes:
    """A header, and what follows one in a model's file."""
    start = model_file.MAGIC + len(head).to_bytes(4, "little") + head
    end = 12 + int.from_bytes(data[8:12], "little")
    return start + bytes(-len(start) % 64) + data[-(-end // 64) * 64 :]


def header(more: int = 0, **said: object) -> Change:
    """A file whose header says something else.

    :param more: bytes that the tables are longer, so that they have the size that it says.
    """

    def change(data: bytes) -> bytes:
        end = 12 + int.from_bytes(data[8:12], "little")
        head = json.dumps(json.loads(data[12:end]) | said).encode()
        return framed(head, data) + bytes(more)

    return change


def no_numbers(data: bytes) -> bytes:
    """A file of the right size, and a scale that is no number."""
    at = 64 * (-(-(12 + int.from_bytes(data[8:12], "little")) // 64)) + 4 * len(WORDS)
    return data[:at] + np.float32(np.nan).tobytes() + data[at + 4 :]


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    written = small_model()
    model_file.write(written, file)
    read = model_file.read(file)
    assert (read.name, read.tokenizer, read.seed) == ("small", terms.VERSION, 7)
    assert (read.buckets, read.dimension) == (64, 8)
    for table in ("hashes", "scales", "weights", "rows"):
        np.testing.assert_array_equal(getattr(read, table), getattr(written, table))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda data: b"", ModelMissingError, id="empty"),
        pytest.param(lambda data: data[:-1], ModelMismatchError, id="cut"),
        pytest.param(lambda data: data + b"x", ModelMismatchError, id="too long"),
        pytest.param(lambda data: b"HRNSTM99" + data[8:], ModelMismatchError, id="other format"),
        pytest.param(lambda data: data[:12] + b"[]" + data[14:], ModelMismatchError, id="header"),
        *(
            pytest.param(header(**said), ModelMismatchError, id=f"{said}")
            for said in (
                *({"dimension": value} for value in (-1, 0, 2**62, 2**64, 1e308, math.inf, "8")),
                *({"terms": value} for value in (-1, 2**63, 10**30, None, [5])),
                # All rows are of known terms: nothing is left for a word that is not.
                {"terms": 69, "buckets": 0, "more": 4 * 64},
                {"seed": math.nan},
            )
        ),
        pytest.param(lambda data: framed(b"[" * 100_000, data), ModelMismatchError, id="deep"),
        pytest.param(
            lambda data: data[:8] + b"\xff" * 4 + data[12:], ModelMismatchError, id="long header"
        ),
        pytest.param(no_numbers, ModelMismatchError, id="no numbers"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, change: Change, error: type[HarnessError]
) -> None:
    file = tmp_path / "model.bin"
    model_file.write(small_model(), file)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(error, match="install Harness again"):
        embedder.StaticEmbedder(file).embed_query("open a file")


def test_a_model_of_another_tokenizer_is_refused(tmp_path: Path) -> None:
    model_file.write(small_model("terms-0"), tmp_path / "model.bin")
    with pytest.raises(ModelMismatchError, match="terms-0"):
        embedder.StaticEmbedder(tmp_path / "model.bin").embed_query("open")


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="install Harness again"):
        _ = embedder.StaticEmbedder(tmp_path / "none.bin").digest


def test_the_digest_changes_with_the_file(tmp_path: Path) -> None:
    digests = set()
    for seed in (1, 2):
        file = tmp_path / f"{seed}.bin"
        model_file.write(small_model(), file)
        if seed == 2:
            file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        digests.add(embedder.StaticEmbedder(file).digest)
    assert len(digests) == 2
