"""Turns examples into rows and weights of the table that is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from harness.models.static import terms
from training.sampling import Example

_BLOCK = 4_000
_AS_UNKNOWN = 0.04
"""Share of a text's terms that are read by their letters although they are known, so that the
rows of letters learn what the terms mean."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as sparse rows, in the form of ``scipy.sparse.csr_matrix``: text ``i`` has the rows
    ``columns[starts[i] : starts[i + 1]]`` with these ``weights``."""

    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1


def known_terms(samples: Sequence[Example], count: int, workers: int) -> dict[int, int]:
    """The table's row by hash of its known terms: those that most texts of most releases have.

    :param samples: counted.
    :param count: how many terms to keep.
    :param workers: processes.
    """
    totals: Counter[int] = Counter()
    releases: dict[int, set[int]] = {}
    groups: dict[int, list[Example]] = {}
    for one in samples:
        groups.setdefault(one.group, []).append(one)
    blocks = list(groups.items())
    with ProcessPoolExecutor(workers) as pool:
        for (group, _), counts in zip(
            blocks, pool.map(_hashes_in, [b for _, b in blocks], chunksize=8), strict=True
        ):
            for code, times in counts.items():
                # A release counts a term at most some times: its own names are of no use elsewhere.
                totals[code] += min(times, 20)
                releases.setdefault(code, set()).add(group)
    shared = (code for code, where in releases.items() if len(where) >= _RELEASES)
    chosen = sorted(shared, key=lambda code: (-totals[code], code))[:count]
    return {code: row for row, code in enumerate(sorted(chosen))}


_RELEASES = 3


def _hashes_in(samples: Sequence[Example]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for one in samples:
        for weighted in (terms.query_terms(one.query), terms.document_terms(one.passage)):
            counts.update(map(terms.term_hash, weighted))
    return counts


_Encode = Callable[[str], Mapping[str, float]]


def encode(
    samples: Sequence[Example], known: Mapping[int, int], buckets: int, workers: int, seed: int
) -> tuple[Encoded, Encoded]:
    """Questions and passages, in the order of the examples.

    :param samples: to be encoded.
    :param known: see :func:`known_terms`.
    :param buckets: rows after the known ones.
    :param workers: processes.
    :param seed: decides which terms are read by their letters.
    """
    blocks = [samples[at : at + _BLOCK] for at in range(0, len(samples), _BLOCK)]
    seeds = [seed + number for number in range(len(blocks))]
    with ProcessPoolExecutor(
        workers, initializer=_prepare, initargs=(dict(known), buckets)
    ) as pool:
        parts = list(pool.map(_encode_block, blocks, seeds))
    return _joined(part[0] for part in parts), _joined(part[1] for part in parts)


_known: dict[int, int] = {}
_buckets = 0


def _prepare(known: dict[int, int], buckets: int) -> None:
    global _known, _buckets  # a worker's own: sent once instead of with each block
    _known, _buckets = known, buckets


def _encode_block(samples: Sequence[Example], seed: int) -> tuple[Encoded, Encoded]:
    chance = np.random.default_rng(seed)
    queries = [terms.query_terms(one.query) for one in samples]
    passages = [terms.document_terms(one.passage) for one in samples]
    return _encoded(queries, chance), _encoded(passages, chance)


@lru_cache(maxsize=1 << 18)
def _rows(term: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return terms.term_rows(term, _known, _buckets)


@lru_cache(maxsize=1 << 17)
def _unknown_rows(term: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    rows, shares = terms.term_rows(term, {}, _buckets)
    return tuple(len(_known) + row for row in rows), shares


def _encoded(texts: Sequence[Mapping[str, float]], chance: np.random.Generator) -> Encoded:
    starts, columns, weights = [0], [], []
    for text in texts:
        by_letters = chance.random(len(text)) < _AS_UNKNOWN
        for (term, weight), is_unknown in zip(text.items(), by_letters.tolist(), strict=True):
            rows, shares = _unknown_rows(term) if is_unknown else _rows(term)
            columns += rows
            weights += [weight * share for share in shares]
        starts.append(len(columns))
    return Encoded(
        np.array(starts, dtype=np.int64),
        np.array(columns, dtype=np.int32),
        np.array(weights, dtype=np.float32),
    )


def _joined(parts: Iterable[Encoded]) -> Encoded:
    starts, columns, weights = [np.zeros(1, dtype=np.int64)], [], []
    total = 0
    for part in parts:
        starts.append(part.starts[1:] + total)
        columns.append(part.columns)
        weights.append(part.weights)
        total += len(part.columns)
    return Encoded(np.concatenate(starts), np.concatenate(columns), np.concatenate(weights))
