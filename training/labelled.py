"""Questions that people have typed about 17 code bases, and what ranking knows of their candidates.

Questions made from releases only imitate those. Some of the code bases are in no package registry,
so what they gave is recorded in ``data/labelled``, and ``rank`` needs none of them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import functions
from benchmarks.corpora import HERE, fetch, read_corpora
from harness.models.protocols import Embedder
from harness.search import weights
from harness.search.evaluation import read_labels
from harness.search.features import FEATURES
from training import candidates
from training.candidates import Asked
from training.questions import Question

FOLDER = Path(__file__).parent / "data" / "labelled"
"""A file for each code base, as :func:`training.candidates.write` writes them."""

KIND = "labelled"

_BEST = 60
"""Candidates that are kept beside the answers, the best of the first step: the 25 files that are
compared are among them, or nearly so."""


def record(clones: Path, embedder: Embedder, folder: Path = FOLDER) -> None:
    """Ask again, and write what is known of the candidates.

    :param clones: folder with the code bases that are in no registry, see ``benchmarks.languages``.
    :param embedder: the model.
    :param folder: its files are replaced.
    :raises SystemExit: a code base is missing or cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, asked in _asked(clones, embedder):
        candidates.write([_best(one) for one in asked], folder / f"{name}.npz")


def read(folder: Path = FOLDER) -> list[list[Asked]]:
    """The questions of each code base.

    :param folder: as :func:`record` has filled it.
    :raises SystemExit: the features are others today.
    """
    return [candidates.read(file) for file in sorted(folder.glob("*.npz"))]


def _asked(clones: Path, embedder: Embedder) -> Iterator[tuple[str, list[Asked]]]:
    for corpus in read_corpora(HERE / "data" / "retrieval" / "corpora.json"):
        labels = HERE / "data" / "retrieval" / "annotations" / f"{corpus.name}.json"
        include = (f"/{corpus.root}/**",)
        yield (
            f"five-{corpus.name}",
            candidates.ask_folder(fetch(corpus), include, _questions(labels), embedder),
        )
    for corpus in read_corpora(HERE / "data" / "functions.json"):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch) / "source"
            described = functions.strip_sources(corpus, fetch(corpus), root)
            questions = [Question(KIND, d.query, d.path, d.start, d.end) for d in described]
            yield (
                f"functions-{corpus.name}",
                candidates.ask_folder(root, (), questions, embedder),
            )
    data = HERE / "data" / "languages"
    for name, entry in json.loads((data / "repositories.json").read_text("utf-8")).items():
        if entry["looked_at"]:
            if not (clones / name).is_dir():
                raise SystemExit(
                    f"{clones / name} is missing: clone github.com/{entry['repository']} there"
                )
            questions = _questions(data / "annotations" / f"{name}.json")
            include = tuple(entry["include"])
            yield (
                f"looked-{name}",
                candidates.ask_folder(clones / name, include, questions, embedder),
            )


def _questions(labels: Path) -> list[Question]:
    return [
        Question(KIND, one.query, one.targets[0], also=one.targets[1:])
        for one in read_labels(labels)
    ]


def _best(one: Asked) -> Asked:
    """The answers and the best of the other candidates, in less room."""
    sums = one.rows @ weights.shipped_for(FEATURES)
    kept = one.answers.copy()
    kept[np.argsort(-sums, kind="stable")[:_BEST]] = True
    rows = one.rows[kept].astype(np.float16)
    return replace(one, rows=rows, answers=one.answers[kept], files=one.files[kept])
