"""Quality of the search in fifteen languages: NDCG@10 over files.

The labels are ours (``benchmarks/data/languages``), the code bases are not in package registries:
clone those that ``repositories.json`` names, at the commits it names, into one folder, each under
its name there.

    python -m benchmarks.languages FOLDER [--only NAME…] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.corpora import HERE
from harness.configured import open_embedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.protocols import Embedder
from harness.repository.git import run_git
from harness.search import retrieval
from harness.search.evaluation import DEPTH, ndcg_at_10, read_labels
from harness.settings import OllamaSettings, load
from harness.store.edge import EdgeStore

DATA = HERE / "data" / "languages"


def measure(name: str, folder: Path, include: list[str], embedder: Embedder) -> float:
    """NDCG@10 over files of one code base, the mean over its queries."""
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch)
        # Not closed: the embedder serves the next code base as well.
        engines = Engines(embedder, EdgeStore(data_dir / "index"), data_dir)
        index_repository(name, folder, engines, IndexOptions(include=tuple(include)))
        values = []
        for label in read_labels(DATA / "annotations" / f"{name}.json"):
            hits = retrieval.search(label.query, engines, repo=name, limit=DEPTH)
            values.append(ndcg_at_10([hit.path for hit in hits], label.targets))
        return statistics.fmean(values)


def main() -> None:
    """Print a line a code base and the means; those whose rules were looked at are told apart."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.languages", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with the clones")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="some of the code bases")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    entries = json.loads((DATA / "repositories.json").read_text(encoding="utf-8"))
    embedder = open_embedder(load(OllamaSettings))
    scores: dict[str, float] = {}
    for name, entry in entries.items():
        folder = options.folder / name
        if options.only and name not in options.only:
            continue
        if not folder.is_dir():
            sys.exit(f"{folder} is missing: clone github.com/{entry['repository']} there")
        head = run_git(["rev-parse", "HEAD"], folder, 30).stdout.decode().strip()
        if head != entry["commit"]:
            print(f"{name} is at {head[:9]}, labelled at {entry['commit'][:9]}", file=sys.stderr)
        scores[name] = measure(name, folder, entry["include"], embedder)
        print(f"{name:<12}{entry['language']:<12}{scores[name]:.3f}", file=sys.stderr, flush=True)
    looked_at = [score for name, score in scores.items() if entries[name]["looked_at"]]
    others = [score for name, score in scores.items() if not entries[name]["looked_at"]]
    means = {
        "mean": statistics.fmean(scores.values()),
        "looked_at": statistics.fmean(looked_at) if looked_at else None,
        "measured_only": statistics.fmean(others) if others else None,
    }
    if options.json:
        print(json.dumps({"model": embedder.model, **means, "ndcg": scores}, indent=2))
    else:
        print("\n".join(f"{k}: {v:.3f}" for k, v in means.items() if v is not None))


if __name__ == "__main__":
    main()
