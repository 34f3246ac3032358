"""Asks questions of whole releases, indexed as any code base is, and keeps what was found.

The releases are those kept out of the embedding model's training: of what it has seen, the model
would know more than of any code that it will ever search. Each release is also asked about
another one, of which it knows nothing.
"""

from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.engines import Engines
from harness.index.options import IndexOptions
from harness.index.run import index_repository
from harness.models.protocols import Embedder
from harness.search.features import FEATURES, features, pool_of
from harness.search.file_ranking import few_words
from harness.search.retrieval import candidates
from harness.store.edge import EdgeStore
from harness.types import FloatArray
from training.gathering import source_files
from training.packages import Package
from training.questions import Question, ask

logger = logging.getLogger(__name__)

FOREIGN = "foreign"
"""Kind of a question about another release."""

MAX_FILES = 1_200
"""Releases with more files are left out: they take as long as ten others."""

_MIN_FILES, _MIN_QUESTIONS, _FOREIGN = 8, 10, 24


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and its candidates: ``rows`` their features ``(n, len(FEATURES))``, ``answers``
    which of them answer it and ``files`` the number of each one's file, both ``(n,)``; ``terms``:
    content words of the question; ``few``: how much it is one of few words."""

    kind: str
    query: str
    terms: int
    few: float
    rows: FloatArray
    answers: npt.NDArray[np.bool_]
    files: npt.NDArray[np.int32]


def gather(
    found: Mapping[Package, Path], folder: Path, embedder: Embedder, seed: int
) -> dict[Package, list[Asked]]:
    """Ask about every release that is not asked about yet.

    :param found: archives of releases.
    :param folder: keeps the answers, apart for each model.
    :param embedder: the model.
    :param seed: of what is left to chance.
    """
    folder = folder / embedder.digest[:12]
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[Package, list[Asked]] = {}
    others: list[str] = []
    for package, archive in sorted(found.items()):
        file = folder / f"{package.registry}-{package.label}.npz"
        if file.is_file():
            asked = read(file)
        else:
            try:
                asked = _ask_release(package, archive, embedder, others, seed)
            except Exception as error:  # one strange archive must not stop the others
                logger.warning("%s: %s", package.name, error)
                asked = []
            write(asked, file)
        own = [one.query for one in asked if one.kind not in (FOREIGN, "name")]
        # Of every kind: those of few words are the hardest to tell apart.
        others = random.Random(seed).sample(own, min(_FOREIGN, len(own))) or others  # noqa: S311
        logger.info("%s %s: %d questions", package.registry, package.name, len(asked))
        if asked:
            done[package] = asked
    return done


def _ask_release(
    package: Package, archive: Path, embedder: Embedder, others: Sequence[str], seed: int
) -> list[Asked]:
    files = source_files(package, archive)
    if not _MIN_FILES <= len(files) <= MAX_FILES:
        return []
    texts, questions = ask(files, seed)
    if len(questions) < _MIN_QUESTIONS:
        return []
    questions += [Question(FOREIGN, query, "") for query in others]
    return ask_all(texts, questions, embedder)


def ask_all(
    texts: Mapping[str, str], questions: Iterable[Question], embedder: Embedder
) -> list[Asked]:
    """Index some files and ask about them.

    :param texts: by path.
    :param questions: with their answers.
    :param embedder: the model.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for path, text in texts.items():
            file = root / path
            # Names that only another system can hold, and paths that lead out of the folder.
            if file.resolve().is_relative_to(root.resolve()) and not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", errors="replace")
        return ask_folder(root, (), questions, embedder)


def ask_folder(
    root: Path, include: tuple[str, ...], questions: Iterable[Question], embedder: Embedder
) -> list[Asked]:
    """Index a folder and ask about it.

    :param root: the folder.
    :param include: patterns of what is indexed; empty: everything.
    :param questions: with their answers.
    :param embedder: the model.
    """
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch)
        # Not closed: the embedder serves the next release as well.
        engines = Engines(embedder, EdgeStore(data / "index"), data)
        index_repository("release", root, engines, IndexOptions(include=include))
        found = [_ask_one(question, engines) for question in questions]
        engines.store.close()
    return [one for one in found if len(one.rows)]


def _ask_one(question: Question, engines: Engines) -> Asked:
    query, lists = candidates(question.query, engines)
    pool = pool_of(lists)
    numbers: dict[str, int] = {}
    return Asked(
        kind=question.kind,
        query=question.query,
        terms=len(query.terms),
        few=few_words(query),
        rows=features(query, lists, pool),
        answers=np.array([question.is_answered_by(c.path, c.chunk) for c in pool], dtype=bool),
        files=np.array([numbers.setdefault(c.path, len(numbers)) for c in pool], dtype=np.int32),
    )


def write(asked: Sequence[Asked], file: Path) -> None:
    """Keep questions with their candidates.

    :param asked: of one code base.
    :param file: replaced.
    """

    def joined(arrays: list[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        return np.concatenate(arrays) if arrays else np.zeros(0)

    part = file.with_suffix(".part.npz")
    np.savez_compressed(
        part,
        features=np.array(FEATURES),
        kinds=np.array([one.kind for one in asked]),
        queries=np.array([one.query for one in asked]),
        terms=np.array([one.terms for one in asked]),
        few=np.array([one.few for one in asked]),
        sizes=np.array([len(one.rows) for one in asked]),
        rows=joined([one.rows for one in asked]),
        answers=joined([one.answers for one in asked]),
        files=joined([one.files for one in asked]),
    )
    part.replace(file)


def read(file: Path) -> list[Asked]:
    """The questions that :func:`write` has kept.

    :param file: of one code base.
    :raises SystemExit: its features are others than today's.
    """
    with np.load(file) as found:
        if tuple(found["features"].tolist()) != FEATURES:
            raise SystemExit(f"{file} has other features than today's: remove {file.parent}")
        borders = np.cumsum(found["sizes"])[:-1].astype(int)
        rows = found["rows"].astype(np.float32)  # some are kept with fewer digits
        parts = [np.split(p, borders) for p in (rows, found["answers"], found["files"])]
        heads = [found[name].tolist() for name in ("kinds", "queries", "terms", "few")]
        if not heads[0]:
            return []
        return [Asked(*one) for one in zip(*heads, *parts, strict=True)]
