"""How well a model finds the passage of a question among others of its language.

The pairs are of releases that were kept out of training. What searches of whole code bases give is
measured by ``benchmarks/``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from harness.models.protocols import Embedder
from training.mining import Pair
from training.packages import Package

_MOST = 1000
_LEAST = 40


@dataclass(frozen=True, slots=True)
class Quality:
    """Mean reciprocal rank of ``pairs`` questions, each among all their passages."""

    language: str
    pairs: int
    reciprocal_rank: float


def is_held_out(package: Package) -> bool:
    """Tell whether a release is for judging; one in forty is.

    :param package: of any registry.
    """
    return crc32(f"{package.registry}:{package.name}".encode()) % 40 == 0


def measure(embedder: Embedder, pairs: Iterable[Pair]) -> list[Quality]:
    """Quality by language, for those with enough pairs.

    :param embedder: the model.
    :param pairs: kept out of training; descriptions and translations are asked.
    """
    by_language: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.kind in ("doc", "translation"):
            by_language[pair.language].append(pair)
    found: list[Quality] = []
    for language, known in sorted(by_language.items()):
        unique = list({pair.query: pair for pair in known}.values())
        unique = sorted(unique, key=lambda pair: crc32(pair.query.encode()))[:_MOST]
        if len(unique) >= _LEAST:
            found.append(Quality(language, len(unique), _reciprocal_rank(embedder, unique)))
    return found


def _reciprocal_rank(embedder: Embedder, pairs: list[Pair]) -> float:
    passages = embedder.embed_documents([pair.passage for pair in pairs])
    questions = np.stack([embedder.embed_query(pair.query) for pair in pairs])
    scores = questions @ passages.T
    own = np.diagonal(scores)[:, None]
    return float(np.mean(1.0 / (1 + (scores > own).sum(axis=1))))
