"""What indexing costs besides embedding, as figures and ratios of one run.

Indexes a folder into an empty Edge store with an embedder that takes next to no time (chunks a
second of everything else), then once more unchanged, and again with one that takes a fixed time a
text (share of the wall time that is its own). Peak memory is that of this process after the first
run, and of the largest of those that read files.

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

from benchmarks.light_embedder import LightEmbedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.store.edge import EdgeStore
from harness.types import FloatArray, IndexReport


class SlowEmbedder(LightEmbedder):
    """Takes a fixed time a text, and reads only so much of it as a transformer does."""

    max_tokens = 2048

    def __init__(self, seconds_per_text: float) -> None:
        super().__init__()
        self.model = self.digest = f"slow-{seconds_per_text}"
        self._seconds_per_text = seconds_per_text

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """``(n, 256)`` float32."""
        time.sleep(self._seconds_per_text * len(texts))
        return super().embed_documents(texts)


def run(folder: Path, engines: Engines) -> tuple[IndexReport, float]:
    """One index run and its CPU seconds, children included."""
    began = _processor()
    report = index_repository("benchmark", folder, engines, IndexOptions())
    return report, _processor() - began


def _processor() -> float:
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in both)


def _megabytes(who: int) -> int:
    return round(resource.getrusage(who).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slow-ms", type=float, default=5.0, help="milliseconds a text")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch)
        fast = Engines(LightEmbedder(), EdgeStore(data_dir / "fast"), data_dir)
        first, cpu = run(options.folder, fast)
        peak, readers = map(_megabytes, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        again, _ = run(options.folder, fast)
        slow = Engines(SlowEmbedder(options.slow_ms / 1000), EdgeStore(data_dir / "slow"), data_dir)
        slowed, _ = run(options.folder, slow)
    figures = {
        "files": first.files_indexed,
        "chunks": first.chunks_total,
        "chunks_per_second": round(first.chunks_total / first.seconds),
        "chunks_per_cpu_second": round(first.chunks_total / cpu),
        "unchanged_seconds": again.seconds,
        "unchanged_embedded": again.chunks_embedded,
        "slow_embedder_overhead": round(slowed.seconds / slowed.embed_seconds - 1, 3),
        "peak_megabytes": peak,
        "peak_megabytes_reader": readers,
    }
    print(
        json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items())
    )


if __name__ == "__main__":
    main()
