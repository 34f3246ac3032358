"""``python -m training``: remakes the embedding model from the package registries.

``all`` does every step; each can be run alone and goes on where a broken run stopped::

    fetch   archives of the releases in data/packages.tsv
    mine    pairs of questions and passages
    train   the table, into FOLDER/model.bin
    judge   by releases kept out of training
    export  FOLDER/model.bin into the package, and the list of what was used
    rank    the weights of the ranking, by releases kept out, with the model of the package, and
            by the labelled questions that data/labelled has
    label   data/labelled again, with ``--clones``; not part of all
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from harness.models.static import embedder as shipped
from harness.models.static import model_file
from harness.search import weights
from harness.search.features import FEATURES
from harness.search.file_ranking import FILE_FEATURES
from training import (
    candidates,
    encoding,
    evaluation,
    gathering,
    labelled,
    learning,
    matching,
    registries,
    sampling,
    weighing,
)
from training.mining import Pair
from training.packages import LIST, Package, read_packages, write_packages

logger = logging.getLogger("training")

TERMS = 40_960
BUCKETS = 16_384
PAIRS = 1_200_000
FOLDS = 10
"""Parts of the releases; those of one part are judged by what the others teach."""

POWER = 0.6
"""A language's share is its number of pairs to this power."""

_COUNTED = 200_000
"""Pairs whose terms are counted; more would not choose others."""

_TRANSLATED = 0.12
"""Share of translated messages among all pairs, at most."""


def main(arguments: list[str] | None = None) -> int:
    """Run the steps that were asked for."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    wanted = read_packages(options.packages)
    steps = ("fetch", "mine", "train", "judge", "export", "rank")
    for step in steps if options.step == "all" else (options.step,):
        began = time.monotonic()
        _STEPS[step](wanted, options)
        logger.info("%s took %.0f s", step, time.monotonic() - began)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=["all", *_STEPS])
    parser.add_argument("--folder", type=Path, required=True, help="keeps everything, some 10 GB")
    parser.add_argument("--packages", type=Path, default=LIST, help="the pinned list")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=1, help="of everything left to chance")
    parser.add_argument("--steps", type=int, default=learning.Options().steps, help="of training")
    parser.add_argument("--model", type=Path, help="for rank: another than the package's")
    parser.add_argument("--clones", type=Path, help="for label: code bases that are in no registry")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="learned from, about")
    return parser.parse_args(arguments)


def _fetch(wanted: list[Package], options: argparse.Namespace) -> None:
    registries.fetch(wanted, options.folder / "archives")


def _mine(wanted: list[Package], options: argparse.Namespace) -> None:
    found = registries.there(wanted, options.folder / "archives")
    done = gathering.gather(found, options.folder / "pairs", options.workers)
    refused = [one for one in done if one.refused]
    logger.info("%d releases of %d gave pairs", len(done) - len(refused), len(done))
    for one in refused:
        logger.info("%s %s: %s", one.package.registry, one.package.name, one.refused)
    for one in done:
        if one.overlaps:
            logger.info(
                "%s: %d files like evaluated ones, %s", one.package.name, len(one.overlaps),
                ", ".join(one.overlaps[:5]),
            )  # fmt: skip


def _train(wanted: list[Package], options: argparse.Namespace) -> None:
    learned = [package for package in wanted if not evaluation.is_held_out(package)]
    chosen = choose(learned, options.folder / "pairs", options.pairs, options.seed)
    examples = sampling.examples(chosen, options.seed)
    order = np.random.default_rng(options.seed).permutation(len(examples))
    examples = [examples[place] for place in order]
    logger.info("%d pairs", len(examples))
    known = encoding.known_terms(examples[:_COUNTED], TERMS, options.workers)
    logger.info("%d terms", len(known))
    queries, passages = encoding.encode(examples, known, BUCKETS, options.workers, options.seed)
    groups = np.array([one.group for one in examples])
    texts = (
        np.array([hash(one.query) for one in examples]),
        np.array([hash(one.passage) for one in examples]),
    )
    logger.info("%d and %d rows of terms", len(queries.columns), len(passages.columns))
    settings = learning.Options(steps=options.steps, seed=options.seed)
    rows = len(known) + BUCKETS
    learner = learning.learn(queries, passages, groups, texts, rows, settings)
    model = learning.packed(learner, sorted(known), shipped.MODEL)
    model_file.write(model, options.folder / "model.bin")
    counts: dict[str, int] = {}
    for one in examples:
        counts[one.language] = counts.get(one.language, 0) + 1
    summary = {"pairs": len(examples), "languages": counts, "options": asdict(settings)}
    (options.folder / "model.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")


def choose(packages: list[Package], folder: Path, total: int, seed: int) -> list[tuple[int, Pair]]:
    """The pairs to learn from, with the number of their release.

    :param packages: to learn from.
    :param folder: where their pairs are.
    :param total: about how many.
    :param seed: of the choice.
    """
    numbers = {package: number for number, package in enumerate(packages)}
    unique = sampling.without_repeats(
        (numbers[package], pair) for package, pair in gathering.read_pairs(packages, folder)
    )
    code: dict[str, list[tuple[int, Pair]]] = {}
    translated: dict[str, list[tuple[int, Pair]]] = {}
    for group, pair in unique:
        if pair.kind == "translation":
            # One language of one release is a group: its messages are hard to tell apart.
            number = len(packages) * (1 + sorted(_CODES).index(pair.language)) + group
            translated.setdefault(pair.language, []).append((number, pair))
        else:
            code.setdefault(pair.language, []).append((group, pair))
    most = int(total * _TRANSLATED)
    messages = sampling.balanced(translated, most, POWER, seed) if translated else []
    return sampling.balanced(code, total - len(messages), POWER, seed) + messages


_CODES = gathering.translations.LANGUAGES


def _judge(wanted: list[Package], options: argparse.Namespace) -> None:
    kept_out = [package for package in wanted if evaluation.is_held_out(package)]
    pairs = [pair for _, pair in gathering.read_pairs(kept_out, options.folder / "pairs")]
    embedder = shipped.StaticEmbedder(options.folder / "model.bin")
    for one in evaluation.measure(embedder, pairs):
        print(f"{one.language:<16}{one.pairs:>6}{one.reciprocal_rank:>8.3f}")


def _export(wanted: list[Package], options: argparse.Namespace) -> None:
    shutil.copyfile(options.folder / "model.bin", shipped.MODEL_FILE)
    folder = options.folder / "pairs"
    done = [gathering.read_report(p, folder) for p in wanted if gathering.is_gathered(p, folder)]
    used = [one.package for one in done if not one.refused and one.pairs]
    write_packages(replace(package) for package in used)


def _rank(wanted: list[Package], options: argparse.Namespace) -> None:
    kept_out = [package for package in wanted if evaluation.is_held_out(package)]
    found = registries.there(kept_out, options.folder / "archives")
    embedder = shipped.StaticEmbedder(options.model or shipped.MODEL_FILE)
    asked = candidates.gather(found, options.folder / "ranking", embedder, options.seed)
    releases = list(asked.values())
    # What is measured was learned without the release that is asked about.
    asked_by_people = labelled.read()
    every, learned = weighing.without_each(releases, FOLDS, asked_by_people)
    for kind, one in weighing.measure(every, learned).items():
        print(f"{kind:<16}{one.questions:>6}{one.file_ndcg:>8.3f}{one.reciprocal_rank:>8.3f}")
    of_match = matching.learn_match(every, learned)
    print(*matching.judge_match(every, learned, of_match), sep="\n")
    kinds = Counter(one.kind for one in every)
    origin = {
        "releases": len(releases),
        "questions": dict(kinds),
        "labelled": sum(map(len, asked_by_people)),
        "model": embedder.digest[:12],
    }
    both = weighing.learn_both(releases, asked_by_people)
    ranking = dict(zip(FEATURES, both.passages.tolist(), strict=True))
    of_files = dict(zip(FILE_FEATURES, both.files.tolist(), strict=True))
    weights.write(weights.Weights(ranking, of_files, of_match, origin), weights.FILE)


def _label(wanted: list[Package], options: argparse.Namespace) -> None:
    if options.clones is None:
        raise SystemExit("label needs --clones FOLDER; benchmarks/README.md says what is in it")
    labelled.record(options.clones, shipped.StaticEmbedder(options.model or shipped.MODEL_FILE))


_STEPS = {"fetch": _fetch, "mine": _mine, "train": _train, "judge": _judge, "export": _export,
          "rank": _rank, "label": _label}  # fmt: skip

if __name__ == "__main__":
    raise SystemExit(main())
