"""Quality of the search on labelled queries: file-level NDCG@10.

Run ``python -m benchmarks.retrieval``. Each code base is indexed and searched by the same code as
``harness index`` and ``harness search``, with the configured embedding model and a vector store
of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpora import HERE, Corpus, fetch, read_corpora
from harness.configured import open_embedder
from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.search import retrieval
from harness.search.evaluation import DEPTH, LabelledQuery, ndcg_at_10, read_labels
from harness.settings import OllamaSettings, load
from harness.store.edge import EdgeStore

DATA = HERE / "data" / "retrieval"
PUBLISHED = 0.908
"""The best published mean over these code bases (CodeRankEmbed hybrid), see data/retrieval."""


@dataclass(frozen=True, slots=True)
class Score:
    """Result for one code base. ``misses`` are (query, NDCG, targets, files found) below 1."""

    name: str
    queries: int
    chunks: int
    ndcg: float
    by_category: dict[str, float]
    index_seconds: float
    query_ms: float
    misses: list[tuple[str, float, tuple[str, ...], tuple[str, ...]]]


def evaluate(
    corpus: Corpus, labels: Sequence[LabelledQuery], source: Path, engines: Engines
) -> Score:
    """Index one code base and ask its queries.

    :param corpus: which folder of the source to index.
    :param labels: queries with their answers, paths relative to ``source``.
    :param source: the unpacked package.
    :param engines: where the index is kept; what it has already is not embedded again.
    """
    began = time.perf_counter()
    # The paths stay those of the whole package, as in a checkout.
    options = IndexOptions(include=(f"/{corpus.root}/**",))
    report = index_repository(corpus.name, source, engines, options)
    indexed = time.perf_counter()
    values: list[float] = []
    by_category: dict[str, list[float]] = defaultdict(list)
    misses = []
    for label in labels:
        hits = retrieval.search(label.query, engines, repo=corpus.name, limit=DEPTH)
        paths = [hit.path for hit in hits]
        value = ndcg_at_10(paths, label.targets)
        values.append(value)
        by_category[label.category].append(value)
        if value < 1:
            misses.append((label.query, value, label.targets, tuple(dict.fromkeys(paths))))
    return Score(
        name=corpus.name,
        queries=len(labels),
        chunks=report.chunks_total,
        ndcg=statistics.fmean(values),
        by_category={name: statistics.fmean(group) for name, group in sorted(by_category.items())},
        index_seconds=indexed - began,
        query_ms=1000 * (time.perf_counter() - indexed) / max(1, len(labels)),
        misses=misses,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0 unless the mean is below ``--at-least``."""
    options = _parse(arguments)
    corpora = [
        corpus
        for corpus in read_corpora(options.data / "corpora.json")
        if not options.only or corpus.name in options.only
    ]
    scores: list[Score] = []
    embedder = open_embedder(load(OllamaSettings))
    keep = nullcontext(options.index_dir) if options.index_dir else tempfile.TemporaryDirectory()
    with keep as folder:
        for corpus in corpora:
            labels = read_labels(options.data / "annotations" / f"{corpus.name}.json")
            source = fetch(corpus)
            data_dir = Path(folder) / corpus.name
            data_dir.mkdir(parents=True, exist_ok=True)
            # A store for each, so that one code base's words do not weigh another's.
            with Engines(embedder, EdgeStore(data_dir / "index", 60.0), data_dir) as engines:
                scores.append(evaluate(corpus, labels, source, engines))
            _say(f"{scores[-1].name}: {scores[-1].ndcg:.3f}")
    mean = statistics.fmean(score.ndcg for score in scores)
    if options.json:
        document = {"mean_ndcg": mean, "model": embedder.model, "published": PUBLISHED}
        print(json.dumps({**document, "corpora": [asdict(score) for score in scores]}, indent=2))
    else:
        _print_table(scores, mean, embedder.model, options.misses)
    return 0 if mean >= options.at_least else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the labels")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="some of the code bases")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--misses", action="store_true", help="list the queries below 1")
    parser.add_argument("--index-dir", type=Path, help="keep the index here for the next run")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit 1 below this mean")
    return parser.parse_args(arguments)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _print_table(scores: Sequence[Score], mean: float, model: str, show_misses: bool) -> None:
    categories = sorted({name for score in scores for name in score.by_category})
    titles = "".join(f"{name:>14}" for name in categories)
    print(f"\nfile-level NDCG@10, {model}")
    print(f"{'code base':<12}{'queries':>8}{'chunks':>8}{'NDCG@10':>9}{titles}{'ms/query':>10}")
    for score in scores:
        values = "".join(
            f"{score.by_category[name]:>14.3f}" if name in score.by_category else f"{'–':>14}"
            for name in categories
        )
        print(
            f"{score.name:<12}{score.queries:>8}{score.chunks:>8}{score.ndcg:>9.3f}{values}"
            f"{score.query_ms:>10.1f}"
        )
    print(f"{'mean':<12}{sum(s.queries for s in scores):>8}{'':>8}{mean:>9.3f}")
    print(f"best published mean for all five: {PUBLISHED}")
    if show_misses:
        for score in scores:
            for query, value, targets, found in score.misses:
                print(f"{value:.2f} {score.name}: {query} | {list(targets)} | {list(found[:4])}")


if __name__ == "__main__":
    sys.exit(main())
