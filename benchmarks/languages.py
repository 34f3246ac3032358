"""Quality of the search in other languages, of code and of questions: NDCG@10 over files.

The labels are ours. What is asked is one of

* ``languages``: fifteen code bases in as many programming languages;
* ``further``: three more, labelled before any search and never looked at since;
* ``foreign``: questions in other natural languages, and misspelt ones.

Code bases of package registries are fetched. The others are not there: clone those that
``repositories.json`` names, at the commits it names, into one folder, each under its name there.

    python -m benchmarks.languages FOLDER [--questions SET] [--only NAME…] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.corpora import HERE, Corpus, fetch
from harness.configured import open_embedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.protocols import Embedder
from harness.repository.git import run_git
from harness.search import ranking, retrieval
from harness.search.evaluation import DEPTH, ndcg_at_10, read_labels
from harness.settings import OllamaSettings, load
from harness.store.edge import EdgeStore
from harness.types import Candidate

DATA = HERE / "data"
SETS = ("languages", "further", "foreign")


def measure(
    name: str, folder: Path, include: list[str], labels: Path, embedder: Embedder
) -> dict[str, list[tuple[str, float]]]:
    """Each question's category and NDCG@10 over files of one code base: ``ranked``, by ``words
    and rules`` without vectors, and by the ``dense`` and the ``lexical`` list alone."""
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch)
        # Not closed: the embedder serves the next code base as well.
        engines = Engines(embedder, EdgeStore(data_dir / "index"), data_dir)
        index_repository(name, folder, engines, IndexOptions(include=tuple(include)))
        values: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for label in read_labels(labels):
            query, lists = retrieval.candidates(label.query, engines)
            wordy = ranking.rank(query, replace(lists, dense=()), DEPTH)
            found: dict[str, list[Candidate]] = {
                "ranked": [one.candidate for one in ranking.rank(query, lists, DEPTH)],
                "words and rules": [one.candidate for one in wordy],
                "dense": list(lists.dense),
                "lexical": list(lists.lexical),
            }
            for way, shown in found.items():
                paths = [one.path for one in shown]
                if way in ("dense", "lexical"):
                    paths = list(dict.fromkeys(paths))
                values[way].append((label.category, ndcg_at_10(paths, label.targets)))
        engines.store.close()
        return values


def source(name: str, entry: Mapping[str, Any], clones: Path) -> tuple[Path, list[str]]:
    """Where a code base is and what of it is indexed.

    :param entry: of ``repositories.json``.
    :param clones: folder with those that are in no registry.
    :raises SystemExit: it is not there.
    """
    if "registry" in entry:
        keys = ("registry", "package", "version", "root", "language")
        corpus = Corpus(name=name, **{key: entry[key] for key in keys})
        return fetch(corpus), [f"/{corpus.root}/**"]
    folder = clones / name
    if not folder.is_dir():
        sys.exit(f"{folder} is missing: clone github.com/{entry['repository']} there")
    head = run_git(["rev-parse", "HEAD"], folder, 30).stdout.decode().strip()
    if head != entry["commit"]:
        print(f"{name} is at {head[:9]}, labelled at {entry['commit'][:9]}", file=sys.stderr)
    return folder, list(entry["include"])


def main() -> None:
    """Print a line a code base and the means; those whose rules were looked at are told apart."""
    options = _parse()
    data = DATA / options.questions
    entries = json.loads((data / "repositories.json").read_text(encoding="utf-8"))
    embedder = open_embedder(load(OllamaSettings))
    scores: dict[str, dict[str, float]] = {}
    by_category: dict[str, list[float]] = defaultdict(list)
    for name, entry in entries.items():
        if options.only and name not in options.only:
            continue
        folder, include = source(name, entry, options.folder)
        found = measure(name, folder, include, data / "annotations" / f"{name}.json", embedder)
        scores[name] = {way: statistics.fmean(v for _, v in rows) for way, rows in found.items()}
        for category, value in found["ranked"]:
            by_category[category].append(value)
        line = "".join(f"  {way} {score:.3f}" for way, score in scores[name].items())
        print(f"{name:<12}{entry['language']:<12}{line}", file=sys.stderr, flush=True)
    ranked = {name: score["ranked"] for name, score in scores.items()}
    looked_at = [score for name, score in ranked.items() if entries[name]["looked_at"]]
    others = [score for name, score in ranked.items() if not entries[name]["looked_at"]]
    means = {
        "mean": statistics.fmean(ranked.values()),
        "looked_at": statistics.fmean(looked_at) if looked_at else None,
        "measured_only": statistics.fmean(others) if others else None,
    }
    kinds = {name: statistics.fmean(values) for name, values in sorted(by_category.items())}
    if options.json:
        document = {"model": embedder.model, **means, "ndcg": ranked, "by_list": scores}
        print(json.dumps({**document, "by_category": kinds}, indent=2))
    else:
        print("\n".join(f"{k}: {v:.3f}" for k, v in (means | kinds).items() if v is not None))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.languages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="folder with the clones")
    parser.add_argument("--questions", choices=SETS, default=SETS[0], help="which are asked")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="some of the code bases")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
