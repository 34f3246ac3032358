"""How long searches take in a process that stays, and while another one writes.

Makes an embedded store of random passages, then searches it through everything that `harness
search` does. With ``--writer`` another process writes to the store all the time meanwhile.

    python -m benchmarks.queries [--chunks N] [--queries N] [--writer] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from itertools import accumulate, count
from pathlib import Path

from benchmarks.light_embedder import DIMENSION, LightEmbedder
from harness.engines import Engines
from harness.index.fingerprint import manifest_of
from harness.models import lexical
from harness.search.retrieval import search
from harness.service.collecting import collected_by_the_minute
from harness.store.edge import EdgeStore
from harness.types import Chunk, ChunkPoint, RepositoryRecord

_WORDS = [f"word{n}" for n in range(30_000)]
_WEIGHTS = list(accumulate((n + 1) ** -0.9 for n in range(len(_WORDS))))
_PER_WRITE = 2_500
_KINDS = (("py", "python"),) * 4 + (("ts", "typescript"),) * 2 + (("go", "go"), ("md", "markdown"))


def passage(number: int, words: random.Random, embedder: LightEmbedder) -> ChunkPoint:
    """A passage of 80 words, as often as words are in code."""
    chosen = words.choices(_WORDS, cum_weights=_WEIGHTS, k=80)
    text = "\n".join(" ".join(chosen[start : start + 8]) for start in range(0, 80, 8))
    file = number // 8
    suffix, language = _KINDS[file % len(_KINDS)]
    path = f"src/mod{number // 800}/file{file}.{suffix}"
    line = 1 + 10 * (number % 8)
    name = f"f{number}"
    return ChunkPoint(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        repo="benchmark",
        path=path,
        chunk=Chunk(text, line, line + 9, language, name, "function", (name,)),
        chunk_hash=f"{number:032x}",
        embed_hash=f"{number:032x}",
        content_id=f"{number:040x}",
        dense=embedder.embed_query(text),
        sparse=lexical.document_vector(text, path, name),
    )


def write(root: Path, chunks: int, start: int = 0) -> tuple[str, float]:
    """Add passages to a store: the collection's name, and the processor seconds of the store alone,
    to a shard that is packed and closed."""
    embedder, words = LightEmbedder(), random.Random(start)
    manifest = manifest_of(embedder)
    store = EdgeStore(root)
    store.ensure_collection(manifest)
    used = 0.0
    for first in range(start, start + chunks, _PER_WRITE):
        last = min(first + _PER_WRITE, start + chunks)
        points = [passage(number, words, embedder) for number in range(first, last)]
        began = time.process_time()
        store.upsert_chunks(manifest.collection, points)
        used += time.process_time() - began
    began = time.process_time()
    store.compact(manifest.collection)
    store.close()
    return manifest.collection, used + time.process_time() - began


def write_for_ever(root: Path) -> None:
    """Replace the same passages again and again."""
    embedder, words = LightEmbedder(), random.Random(1)
    collection = manifest_of(embedder).collection
    points = [passage(number, words, embedder) for number in range(_PER_WRITE)]
    store = EdgeStore(root)
    for round_ in count():
        store.upsert_chunks(collection, points)
        if not round_:
            print("writing", flush=True)


def measure(root: Path, collection: str, queries: int) -> dict[str, float]:
    """Milliseconds of searches, wall and processor."""
    record = RepositoryRecord("benchmark", "/benchmark", "", collection, "light", 1, 1, 0, "now")
    store = EdgeStore(root)
    store.put_repository(record)
    engines = Engines(LightEmbedder(), store, root)
    pick = random.Random(5)
    asked = [" ".join(pick.choices(_WORDS, cum_weights=_WEIGHTS, k=6)) for _ in range(queries)]
    asked[::8] = [f"f{pick.randrange(1000)}" for _ in asked[::8]]
    wall, processor = [], []
    # A process that stays is a service, which looks for cycles when it has begun and by the minute.
    with collected_by_the_minute(begun_seconds=0):
        for text in asked[:20]:
            search(text, engines)
        for text in asked:
            began, used = time.perf_counter(), time.process_time()
            search(text, engines)
            wall.append(1000 * (time.perf_counter() - began))
            processor.append(1000 * (time.process_time() - used))
    engines.store.close()
    wall.sort()
    processor.sort()
    return {
        "p50_ms": round(wall[len(wall) // 2], 1),
        "p99_ms": round(wall[int(len(wall) * 0.99)], 1),
        "longest_ms": round(wall[-1], 1),
        "cpu_p50_ms": round(processor[len(wall) // 2], 1),
        "cpu_p99_ms": round(processor[int(len(wall) * 0.99)], 1),
    }


def peak_mb() -> int:
    """Most memory that this process has had so far, in megabytes; pages of mapped files count."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--writer", action="store_true", help="while another process writes")
    parser.add_argument("--write-to", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.write_to:
        write_for_ever(options.write_to)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        began = time.perf_counter()
        collection, used = write(root, options.chunks)
        figures: dict[str, float] = {
            "chunks": options.chunks,
            "dimension": DIMENSION,
            "write_seconds": round(time.perf_counter() - began, 1),
            "write_cpu_us_per_chunk": round(1e6 * used / options.chunks, 1),
            "write_peak_mb": peak_mb(),
        }
        if options.writer:
            command = [sys.executable, "-m", "benchmarks.queries", "--write-to", scratch]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
                try:
                    assert writer.stdout is not None
                    writer.stdout.readline()
                    figures |= measure(root, collection, options.queries)
                finally:
                    writer.kill()
        else:
            figures |= measure(root, collection, options.queries)
        figures["peak_mb"] = peak_mb()
    print(
        json.dumps(figures) if options.json else "\n".join(f"{k}: {v}" for k, v in figures.items())
    )


if __name__ == "__main__":
    main()
