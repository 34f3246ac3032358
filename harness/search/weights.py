"""The weights of the ranking: learned, and kept beside this module in ``weights.json``.

``make train-ranking`` writes the file; decision 0004 says what it was learned from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import ModelMissingError
from harness.types import FloatArray

FILE = Path(__file__).with_name("weights.json")
VERSION = 2


@dataclass(frozen=True, slots=True)
class Weights:
    """``ranking``: how much each of :data:`harness.search.features.FEATURES` counts, by its name.
    ``files``: the same for :data:`harness.search.file_ranking.FILE_FEATURES`.
    ``match``: the same for what tells whether anything matches, see :mod:`harness.search.match`;
    its ``intercept`` is the log odds when all are 0. ``learned_from``: for people."""

    ranking: Mapping[str, float]
    files: Mapping[str, float]
    match: Mapping[str, float]
    learned_from: Mapping[str, object] = field(default_factory=dict)

    def of(self, features: tuple[str, ...]) -> FloatArray:
        """The weights of these features in their order, ``(n,)``; 0 for those not learned."""
        return np.array([self.ranking.get(name, 0.0) for name in features], dtype=np.float32)

    def of_files(self, features: tuple[str, ...]) -> FloatArray:
        """The same for numbers of files."""
        return np.array([self.files.get(name, 0.0) for name in features], dtype=np.float32)


@cache
def shipped() -> Weights:
    """The weights of this release.

    :raises ModelMissingError: the file is missing or no such file.
    """
    return read(FILE)


@cache
def shipped_for(features: tuple[str, ...]) -> FloatArray:
    """:meth:`Weights.of` of this release, ``(n,)``, not to be written to."""
    found = shipped().of(features)
    found.setflags(write=False)
    return found


@cache
def shipped_for_files(features: tuple[str, ...]) -> FloatArray:
    """:meth:`Weights.of_files` of this release, ``(n,)``, not to be written to."""
    found = shipped().of_files(features)
    found.setflags(write=False)
    return found


def read(file: Path) -> Weights:
    """Read weights.

    :param file: as :func:`write` wrote it.
    :raises ModelMissingError: the file is missing, or its form is another version's.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["version"] != VERSION:
            raise ValueError(f"version {found['version']}")
        ranking, files, match = (
            {str(name): _weight(value) for name, value in found[part].items()}
            for part in ("ranking", "files", "match")
        )
        return Weights(ranking, files, match, found["learned_from"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ModelMissingError(
            f"The weights of the ranking {file} cannot be read ({error}): install Harness again."
        ) from error


def _weight(value: Any) -> float:
    """One weight.

    :raises ValueError: it is no number, and would put all that it counts for in no order.
    """
    weight = float(value)
    if not math.isfinite(weight):
        raise ValueError(f"the weight {weight}")
    return weight


def write(weights: Weights, file: Path) -> None:
    """Write weights, the heaviest first, so that the file can be read as a table.

    :param weights: what was learned.
    :param file: replaced.
    """
    document = {
        "version": VERSION,
        "ranking": _sorted(weights.ranking),
        "files": _sorted(weights.files),
        "match": _sorted(weights.match),
        "learned_from": weights.learned_from,
    }
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _sorted(values: Mapping[str, float]) -> dict[str, float]:
    order = sorted(values, key=lambda name: (-abs(values[name]), name))
    return {name: round(float(values[name]), 3) for name in order}
