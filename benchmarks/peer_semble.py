"""Run by the Python of another environment, for :mod:`benchmarks.peers`: semble's side.

PYTHON benchmarks/peer_semble.py model TOKENIZER_JSON FOLDER     make a static model
PYTHON benchmarks/peer_semble.py index FOLDER MODEL_FOLDER       index with it
"""

from __future__ import annotations

import json
import sys


def make_model(tokenizer_json: str, folder: str) -> None:
    """Write a static model of 256 dimensions with a tokenizer's vocabulary. Its rows are drawn by
    chance: what they are takes no time."""
    import numpy as np
    from model2vec.model import StaticModel  # type: ignore[import-not-found]
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    shape = (tokenizer.get_vocab_size(), 256)
    rows = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    StaticModel(rows, tokenizer, normalize=True).save_pretrained(folder)


def index(folder: str, model: str) -> None:
    """Index code, documentation and configuration; print the number of chunks and files."""
    from semble.index import SembleIndex  # type: ignore[import-not-found]
    from semble.types import ContentType  # type: ignore[import-not-found]

    made = SembleIndex.from_path(folder, content=tuple(ContentType), model_path=model)
    print(json.dumps({"chunks": made.stats.total_chunks, "files": made.stats.indexed_files}))


if __name__ == "__main__":
    _, what, first, second = sys.argv
    {"model": make_model, "index": index}[what](first, second)
