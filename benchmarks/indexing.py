"""What indexing costs besides embedding, as figures and ratios of one run.

Indexes a folder into an empty Edge store with an embedder that answers at once (chunks a second
of everything else), then again with one that takes a fixed time a text (share of the wall time
that is its own), and once more unchanged. Peak memory is that of the whole process.

    python -m benchmarks.indexing FOLDER [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.store.edge import EdgeStore
from harness.types import FloatArray, IndexReport


class FixedEmbedder:
    """Answers with one constant vector after ``seconds_per_text`` each; the window of a large
    model, so that chunks are sized without counting tokens."""

    engine = "benchmark"
    document_prefix = ""
    query_prefix = ""
    max_tokens = 2048
    dimension = 768

    def __init__(self, seconds_per_text: float) -> None:
        self.model = f"fixed-{seconds_per_text}"
        self.digest = self.model
        self._seconds_per_text = seconds_per_text
        self._row = np.full(self.dimension, self.dimension**-0.5, dtype=np.float32)

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """``(n, 768)``, all alike."""
        time.sleep(self._seconds_per_text * len(texts))
        return np.tile(self._row, (len(texts), 1))

    def embed_query(self, text: str) -> FloatArray:
        """``(768,)``."""
        return self._row


def run(folder: Path, engines: Engines) -> tuple[IndexReport, float]:
    """One index run and its CPU seconds, children included."""
    began = time.process_time()
    report = index_repository("benchmark", folder, engines, IndexOptions())
    return report, time.process_time() - began


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slow-ms", type=float, default=5.0, help="milliseconds a text")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch)
        fast = Engines(FixedEmbedder(0.0), EdgeStore(data_dir / "fast"), data_dir)
        first, cpu = run(options.folder, fast)
        again, _ = run(options.folder, fast)
        slow = Engines(
            FixedEmbedder(options.slow_ms / 1000), EdgeStore(data_dir / "slow"), data_dir
        )
        slowed, _ = run(options.folder, slow)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "files": first.files_indexed,
        "chunks": first.chunks_total,
        "chunks_per_second": round(first.chunks_total / first.seconds),
        "chunks_per_cpu_second": round(first.chunks_total / cpu),
        "unchanged_seconds": again.seconds,
        "unchanged_embedded": again.chunks_embedded,
        "slow_embedder_overhead": round(slowed.seconds / slowed.embed_seconds - 1, 3),
        "peak_megabytes": round(kilobytes / (1e6 if sys.platform == "darwin" else 1e3)),
    }
    print(
        json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items())
    )


if __name__ == "__main__":
    main()
